/** The input of an agent, with real FIFOs: what its runner's feeder passes on, when it closes, and that it never stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../../src/adapters/containment/open-containment.ts";
import { agentInputs } from "../../../src/adapters/fs/agent-input.ts";
import { parseStarted } from "../../../src/runner/records.ts";
import { RUNNER_SCRIPT } from "../../../src/runner/runner-script.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../../fixtures/agents/sandbox.ts";
import { tagged, until } from "../../fixtures/agents/tagged.ts";

/** Shows the sign of life of a daemon. */
const DAEMON = join(import.meta.dirname, "../../fixtures/daemons/alive.ts");

const inputs = agentInputs();
const ID = "MSG-0123456789ab";
/** Copies its stdin to its stdout, line by line, and leaves at its end. */
const ECHO = "$| = 1; print while <STDIN>; print qq(closed\\n)";

let box: Sandbox;
let containment: OpenContainment;
let one: Prepared;

beforeEach(async () => {
  box = sandbox();
  const { worldName, worldHard } = box;
  containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
});

afterEach(async () => {
  await containment.kill(one.set, 5_000);
  await containment.remove(one.set);
  await nobodyLeft();
  expect(await containment.removeRoots()).not.toContain("kept");
  box[Symbol.dispose]();
});

async function nobodyLeft(): Promise<void> {
  await expect.poll(() => containment.lookEverywhere(), { timeout: 20_000 }).toEqual([]);
}

async function agent(script: string, more: Parameters<typeof prepare>[3] = {}): Promise<void> {
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  const stdinPath = join(box.directory, "prompt.jsonl");
  writeFileSync(stdinPath, "first\n");
  const directory = join(box.directory, "test-000000-000001");
  inputs.make(directory);
  one = await prepare(box.directory, containment, argv, {
    stdinPath,
    input: {
      folder: join(directory, "input"),
      daemonGone: { aliveFile: join(box.directory, "daemon.alive"), ttlS: 600 },
    },
    wallClockS: 600,
    ...more,
  });
}

function said(): string {
  const path = join(one.directory, "stream.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function heard(text: string): Promise<void> {
  await until(`it hears ${text.slice(0, 20)}`, () => said().includes(text));
}

test.for([["/usr/bin/bash", "--posix"], ["/usr/bin/dash"], ["/usr/bin/busybox", "sh"]])(
  "what is put in comes in order and once, whoever names it again, until the end is said: %s",
  async (shell, { skip }) => {
    if (!existsSync(shell[0] ?? "")) skip(`no ${shell.join(" ")} here`);
    await agent(ECHO);
    const { ended } = startRunner(one, containment, shell);
    await heard("first\n");
    const long = `{"text":"${"x".repeat(70_000)}"}`;
    expect(inputs.put(one.directory, ID, `${long}\n`)).toBe(true);
    expect(inputs.put(one.directory, "MSG-00000000000b", "second\n")).toBe(true);
    await heard("second\n");
    expect(inputs.passing(one.directory, ID)).toBe("passed");
    expect(inputs.put(one.directory, ID, "again\n"), "it is passed on already").toBe(true);
    expect(inputs.put(one.directory, "MSG-00000000000c", "third\n")).toBe(true);
    inputs.end(one.directory);
    await ended;
    expect(said()).toBe(`first\n${long}\nsecond\nthird\nclosed\n`);
    expect(exitOf(one.directory)).toMatchObject({ code: 0 });
    expect(inputs.isOpen(one.directory)).toBe(false);
    expect(inputs.put(one.directory, "MSG-00000000000d", "late\n")).toBe(false);
    expect(inputs.passing(one.directory, "MSG-00000000000d")).toBe("waits");
    expect(statSync(join(one.directory, "input")).mode & 0o777).toBe(0o700);
  },
);

test("a name that leads elsewhere, a name of nothing and a name without a message pass nothing on", async () => {
  await agent(ECHO);
  const { ended } = startRunner(one, containment);
  await heard("first\n");
  writeFileSync(join(one.directory, "secret"), "stolen\n");
  for (const name of ["../secret", ".", "..", "", "names", "line", ID]) {
    writeFileSync(join(one.directory, "input", "names"), `${name}\n`, { flag: "r+" });
  }
  inputs.end(one.directory);
  await ended;
  expect(said()).toBe("first\nclosed\n");
});

test.for([
  ["leaves without a word", "print scalar <STDIN>; exit 3", { code: 3 }],
  ["is killed", "print scalar <STDIN>; kill KILL => $$; sleep 9", { signal: "SIGKILL" }],
  ["reads nothing", "exit 4", { code: 4 }],
  ["closes its input", "close STDIN; sleep 1; exit 5", { code: 5 }],
] as const)("an agent that %s leaves no feeder behind", async ([, script, end]) => {
  await agent(script);
  await startRunner(one, containment).ended;
  expect(exitOf(one.directory)).toMatchObject(end);
  await nobodyLeft();
});

test("an agent that cannot be placed leaves no feeder that waits for it", async () => {
  await agent("exit 0", { cwd: "/nonexistent/folder" });
  await startRunner(one, containment).ended;
  expect(exitOf(one.directory)).toMatchObject({ code: 125 });
  await nobodyLeft();
});

test("where no FIFO can be made, the agent gets its prompt and the end of it", async () => {
  await agent(ECHO);
  writeFileSync(join(one.directory, "input", "names"), "in the way");
  await startRunner(one, containment).ended;
  expect(said()).toBe("first\nclosed\n");
  expect(inputs.isOpen(one.directory)).toBe(false);
  expect(inputs.put(one.directory, ID, "never\n")).toBe(false);
  expect(readFileSync(join(one.directory, "input", "names"), "utf8")).toBe("in the way");
});

/** What the open files of the feeder are. */
function feederFiles(): readonly string[] {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) =>
        readlinkSync(`/proc/${pid}/fd/${fd}`),
      );
      if (
        files.includes(join(one.directory, "input/line")) &&
        files[0] === join(one.directory, "input/names")
      )
        return files;
    } catch {
      // It has ended, or is another user's.
    }
  }
  return [];
}

test("the feeder holds no lock, and the agent neither end of the feeder's", async () => {
  await agent(`${ECHO}; print join(",", sort map { readlink } glob("/proc/self/fd/*"))`);
  const { ended } = startRunner(one, containment);
  await heard("first\n");
  expect(feederFiles()).not.toContain(join(one.directory, "stderr.log"));
  expect(feederFiles().length).toBeGreaterThan(0);
  inputs.end(one.directory);
  await ended;
  expect(said()).not.toContain("input/names");
  expect(said().split("input/line")).toHaveLength(2);
});

test("without a daemon for long enough its input is closed, and the agent ends by itself", async () => {
  const aliveFile = join(box.directory, "daemon.alive");
  const child = spawn(process.execPath, [DAEMON, aliveFile, "1", containment.flock ?? ""], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await agent(ECHO, {
    input: {
      folder: join(box.directory, "test-000000-000001", "input"),
      daemonGone: { aliveFile, ttlS: 1 },
    },
  });
  const { ended } = startRunner(one, containment);
  await heard("first\n");
  expect(inputs.put(one.directory, ID, "while it lives\n")).toBe(true);
  await heard("while it lives\n");
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  await ended;
  expect(said()).toBe("first\nwhile it lives\nclosed\n");
  expect(exitOf(one.directory)).toMatchObject({ code: 0, timedOut: false, daemonGone: false });
});

test("a directory that vanishes under the agent takes the feeder along", async () => {
  await agent("$| = 1; print while <STDIN>; sleep 600");
  const { ended } = startRunner(one, containment);
  await heard("first\n");
  const { pid = 0 } = parseStarted(readFileSync(join(one.directory, "started.json"), "utf8")) ?? {};
  rmSync(one.directory, { recursive: true });
  process.kill(pid, "SIGKILL");
  await ended;
  await nobodyLeft();
  mkdirSync(one.directory);
});

test("a killed runner's feeder is ended with what else was its own", async ({ skip }) => {
  await agent("print scalar <STDIN>; sleep 600");
  const { child, ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 1);
  const runner = containment.identify(child.pid ?? 0);
  if (runner === null) return skip("no identity here");
  child.kill("SIGKILL");
  await ended;
  await containment.kill(one.set, 5_000);
  await containment.endCompanions(runner);
  await nobodyLeft();
});
