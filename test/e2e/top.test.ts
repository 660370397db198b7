/** `corral top` in a real terminal, over a real daemon with real agents. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { processes, processOf } from "../helpers/os-look.ts";
import { HAS_TMUX, makeTerminal, type TestTerminal } from "../helpers/terminal.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, QUICK, shell } from "./support.ts";

const LONG_MS = 120_000;
const SIZE = { columns: 150, rows: 30 };
const FULL_SCREEN = join(import.meta.dirname, "../../src/adapters/terminal/full-screen.ts");
const HEAD = /corral \S+ +daemon up/;

/** Starts it at a prompt; everything of the terminal is noted before, to be compared with afterwards. */
async function startTop(terminal: TestTerminal, more = ""): Promise<void> {
  terminal.type("clear; echo before=$(stty -g)\n");
  await terminal.shows(/before=\S+/);
  terminal.type(`$CORRAL top ${more}; echo ended=$? after=$(stty -g)\n`);
  await terminal.shows(HEAD);
}

/** The terminal is what it was: its modes, its screen, its cursor; and what was on it is there. */
async function expectGivenBack(terminal: TestTerminal, exit: number): Promise<void> {
  const after = await terminal.shows(/^ended=/);
  const before = await terminal.shows(/^before=/);
  expect(after).toBe(`ended=${exit} after=${before.replace("before=", "")}`);
  const flags = ["alternate_on", "cursor_flag", "wrap_flag"];
  expect(flags.map((flag) => terminal.fact(flag))).toEqual(["0", "1", "1"]);
}

/** The process of the view, as its shell's child. */
async function topPid(terminal: TestTerminal): Promise<number> {
  const shellPid = Number(terminal.fact("pane_pid"));
  return await waitFor("the view's process", () => childOf(shellPid));
}

function childOf(parent: number): number | undefined {
  return processes().find(({ ppid }) => ppid === parent)?.pid;
}

/** An agent that prints what a file tells it to. */
function talker(world: World): { readonly command: readonly string[]; say(words: string): void } {
  const told = join(world.folder, "told");
  writeFileSync(told, "");
  return {
    command: shell(`tail -n +1 -f "${told}" & trap 'exit 0' INT TERM; while :; do sleep 0.1; done`),
    say: (words) => writeFileSync(told, `${words}\n`, { flag: "a" }),
  };
}

describe.skipIf(!HAS_TMUX)("corral top (skipped without tmux)", () => {
  test(
    "sorts, chooses, follows an output, stops an agent and shows its receipt, over a restart and a resize",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      const daemon = await world.daemon(QUICK);
      const client = await world.mcp();
      await using terminal = await makeTerminal(world, SIZE);
      await startTop(terminal, "--sort agent");
      await terminal.shows(/No live agents/);

      // Agents and their progress appear by themselves.
      const { command, say } = talker(world);
      const zebra = await deploy(world, client, command, { type: "zebra" });
      const apple = await deploy(world, client, shell("sleep 300"), { type: "apple" });
      await terminal.shows(/apple-.* running/);
      await terminal.shows(/zebra-.* running/);
      const own = await world.mcp({ token: zebra.token });
      await callTool(own, "update_agent_progress", {
        task_id: zebra.taskId,
        agent_id: zebra.id,
        status: "working",
        message: "Half of the \u001b[31mparser",
        progress: 50,
      });
      await terminal.shows(/zebra-.* 50% \d+s ago: Half of the \[31mparser/);

      // What lives is measured.
      await terminal.shows(/apple-.* \d+s +\d+\.\d% +\d+\.?\d*[KM] +\d /);

      // By name, and the other way round; the cursor stays on its agent.
      const order = (): string => /(apple|zebra)-/.exec(rowsIn(terminal).join("\n"))?.[1] ?? "";
      expect(order()).toBe("apple");
      await terminal.shows(/^▸zebra-/);
      terminal.press("r");
      await terminal.shows(/AGENT▴/);
      expect(order()).toBe("zebra");
      await terminal.shows(/^▸zebra-/);
      terminal.press("r");
      await terminal.shows(/AGENT▾/);
      terminal.press("Up");
      await terminal.shows(/^▸apple-/);
      terminal.press("End");
      await terminal.shows(/^▸zebra-/);

      // A filter leaves what matches.
      terminal.type("/zeb");
      await terminal.hides(/apple-/);
      terminal.press("Escape");
      await terminal.shows(/apple-/);
      await terminal.shows(/^▸zebra-/);

      // Its output is followed, and text stays text.
      say("the first line");
      terminal.press("Enter");
      await terminal.shows(/^the first line$/);
      say("\u001b]0;a title\u0007\u001b[2J\u001b[31mthe second\u001b[0m line");
      await terminal.shows(/^the second line$/);
      await terminal.shows(HEAD);

      // The daemon is restarted under it: nothing is lost, nothing comes twice.
      await daemon.stop("SIGKILL");
      await terminal.shows(/does not answer/);
      say("said while nobody listened");
      await world.daemon(QUICK);
      await terminal.shows(HEAD);
      await terminal.shows(/^said while nobody listened$/);
      say("said to the next daemon");
      await terminal.shows(/^said to the next daemon$/);
      const said = terminal.lines().filter((line) => /^(the|said) /.test(line));
      expect(said).toEqual([
        "the first line",
        "the second line",
        "said while nobody listened",
        "said to the next daemon",
      ]);

      // A message is typed, sent, and reaches the agent with its next report.
      terminal.type("mLeave the parser alone\n");
      await terminal.shows(/^Message to zebra-\S+: queued/);
      const { inbox } = await callTool(own, "update_agent_progress", {
        task_id: zebra.taskId,
        agent_id: zebra.id,
        status: "working",
        message: "Reading my messages",
        progress: 51,
      });
      expect(inbox?.messages.map(({ text }) => text)).toEqual(["Leave the parser alone"]);
      await terminal.shows(/zebra-.* 51% \d+s ago: Reading my messages/);

      // The next key takes the notice away.
      terminal.press("f");
      await terminal.shows(/^\? help/);

      // Another size: every line fits, the last row is the last line.
      terminal.resize(80, 20);
      await waitFor("the new size", () => terminal.lines()[19]?.startsWith("? help") || undefined);
      await terminal.shows(/^AGENT|^ AGENT/);
      terminal.resize(20, 6);
      await terminal.shows(/^Too small/);
      terminal.resize(SIZE.columns, SIZE.rows);
      await terminal.shows(HEAD);

      // A stop asks first; anything but y is no.
      await terminal.shows(/^▸zebra-/);
      terminal.press("x");
      await terminal.shows(/Stop zebra-\S+ and all that it started/);
      terminal.press("n");
      await terminal.hides(/and all that it started/);
      expect(processOf(zebra.pid)).toBeDefined();
      terminal.press("x");
      await terminal.shows(/Stop zebra-/);
      terminal.press("y");
      await terminal.shows(/zebra-\S+ is killed, clean/);
      await terminal.shows(/^process_set +released/);
      expect(processOf(zebra.pid)).toBeUndefined();
      expect(processOf(apple.pid)).toBeDefined();
      terminal.press("Escape");
      await terminal.hides(/process_set/);
      terminal.press("Escape");
      await terminal.hides(/zebra-/);
      terminal.press("a");
      await terminal.shows(/zebra-.* killed/);

      // Quitting leaves the terminal as it was, and the agent alone.
      terminal.press("q");
      await expectGivenBack(terminal, 0);
      expect(processOf(apple.pid)).toBeDefined();
    },
  );

  test("every other way out leaves the terminal as it was, too", { timeout: LONG_MS }, async () => {
    await using world = await makeWorld();
    const daemon = await world.daemon(QUICK);
    await using terminal = await makeTerminal(world, SIZE);
    for (const [signal, exit] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
    ] as const) {
      await startTop(terminal);
      process.kill(await topPid(terminal), signal);
      await expectGivenBack(terminal, exit);
    }
    await startTop(terminal);
    terminal.press("C-c");
    await expectGivenBack(terminal, 0);

    // An exception that nobody caught is told on the shell's screen, not on the one that goes.
    terminal.type("clear; echo before=$(stty -g)\n");
    await terminal.shows(/^before=/);
    writeFileSync(
      join(world.folder, "throws.mjs"),
      `import { terminalScreen } from ${JSON.stringify(FULL_SCREEN)};
       const screen = terminalScreen(process.stdin, process.stdout, process.env.TERM);
       screen.open({ onKey() { throw new Error("a bug of ours"); }, onResize() {}, onEnd() {} });
       screen.write("taken");`,
    );
    terminal.type(`${process.execPath} throws.mjs; echo ended=$? after=$(stty -g)\n`);
    await terminal.shows(/^taken/);
    terminal.press("k");
    await terminal.shows(/^Error: a bug of ours/);
    await expectGivenBack(terminal, 1);

    // Suspended, the shell has the terminal; continued, the view draws itself anew.
    terminal.type("clear; set -m\n");
    await startTop(terminal);
    terminal.press("C-z");
    await waitFor("the shell's screen", () => terminal.fact("alternate_on") === "0" || undefined);
    terminal.type("fg\n");
    await terminal.shows(HEAD);
    await daemon.stop();
    await terminal.shows(/does not answer/);
    terminal.press("q");
    await waitFor("the shell's screen", () => terminal.fact("alternate_on") === "0" || undefined);

    // Without a daemon there is nothing to look at, and no screen is taken.
    terminal.type("clear; $CORRAL top; echo ended=$?\n");
    await terminal.shows(/^DAEMON_UNREACHABLE/);
    await terminal.shows(/^Next: .*corral up/);
    await terminal.shows(/^ended=6$/);
  });

  test(
    "without a screen it is a table: once into a pipe, again and again on a dumb terminal",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon(QUICK);
      const client = await world.mcp();
      const agent = await deploy(world, client, shell("sleep 300"));
      const piped = await world.corral(["top"]);
      expect(piped).toMatchObject({ code: 0, stderr: "" });
      const [heading, row, ...more] = piped.stdout.trimEnd().split("\n");
      expect(heading).toMatch(/^AGENT +STATUS .* LAST PROGRESS$/);
      expect(row).toMatch(new RegExp(`^${agent.id} +running`));
      expect(more).toEqual([]);
      expect(piped.stdout).not.toContain("\u001b");
      const json = JSON.parse((await world.corral(["top", "--json"])).stdout);
      expect(json.use).toEqual([
        expect.objectContaining({
          agent_id: agent.id,
          sample: expect.objectContaining({ processes: expect.any(Number) }),
        }),
      ]);

      await using terminal = await makeTerminal(world, SIZE);
      terminal.type("TERM=dumb $CORRAL top --interval 0.5\n");
      await terminal.shows(/cannot place a cursor/);
      await waitFor("a second table", () => {
        const headings = terminal.lines().filter((line) => /^AGENT +STATUS/.test(line));
        return headings.length > 1 || undefined;
      });
      terminal.press("C-c");
      await terminal.prompts();
      terminal.type("echo ended=$?\n");
      await terminal.shows(/^ended=130$/);
    },
  );
});

function rowsIn(terminal: TestTerminal): readonly string[] {
  return terminal.lines().filter((line) => /^[ ▸](apple|zebra)-/.test(line));
}
