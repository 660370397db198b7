/** The terminal in the page, over a real daemon with real agents in tmux. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { ScreenAnswer } from "../../src/contract/screen.ts";
import { barriers, CHROMIUM, makeBrowser, overhang } from "../helpers/browser.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { processes } from "../helpers/os-look.ts";
import { HAS_TMUX } from "../helpers/terminal.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { deploy, QUICK, shell } from "./support.ts";

const LONG_MS = 120_000;
const CAN = CHROMIUM !== undefined && HAS_TMUX;

/** Prints what a file tells it to, and says a word to its terminal, which is not its stream. */
function talker(world: World): { readonly command: readonly string[]; say(words: string): void } {
  const told = join(world.folder, "told");
  writeFileSync(told, "");
  const toTerminal = String.raw`printf 'Password for origin: \033]52;c;ZXZpbA==\007\033[1;32m> \033[0m' >/dev/tty`;
  return {
    command: shell(
      `${toTerminal}; tail -n +1 -f "${told}" & trap 'exit 0' INT TERM; while :; do sleep 0.1; done`,
    ),
    say: (words) => writeFileSync(told, words, { flag: "a" }),
  };
}

/** Rows that the terminal shows. */
function rowsOf(page: Page) {
  return page.locator(".xterm-rows > div");
}

describe.skipIf(!CAN)("a terminal in the page (skipped without Chromium or tmux)", () => {
  test(
    "shows what an agent prints and what is on its pane, obeys nothing else, and ends with it",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_HOST: "tmux" });
      await using browser = await makeBrowser(world);
      const client = await world.mcp();
      const { command, say } = talker(world);
      const agent = await deploy(world, client, command, { type: "builder" });
      const page = await browser.signedIn();
      const loaded: string[] = [];
      page.on("request", (asked) => loaded.push(new URL(asked.url()).pathname));
      await page.goto(`${new URL(page.url()).origin}/agents/${agent.id}`);
      await page.getByRole("heading", { name: agent.id }).waitFor();
      const isEmulator = (path: string): boolean => /emulator/.test(path);
      expect(loaded.filter(isEmulator)).toEqual([]);

      // A program's output is shown as a terminal shows it: lines drawn over, colours, moves.
      await page.getByRole("tab", { name: "Terminal" }).click();
      say("10 %\r\u001b[31m100 %\u001b[0m \u001b[38;2;0;60;120mtrue\u001b[0m\n");
      await rowsOf(page).getByText("100 %").waitFor();
      expect(await rowsOf(page).first().textContent()).toBe("100 % true");
      const blue = rowsOf(page).locator("span", { hasText: /^true$/ });
      expect(
        await blue.evaluate(
          (span: { computedStyleMap(): { get(name: string): { toString(): string } } }) =>
            span.computedStyleMap().get("color").toString(),
        ),
      ).toBe("rgb(0, 60, 120)");
      expect(loaded.filter(isEmulator).length).toBeGreaterThan(0);
      say(
        "\u001b]0;a title\u0007\u001b]52;c;ZXZpbA==\u0007\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007 <b>text</b>\n",
      );
      await rowsOf(page).getByText("here <b>text</b>").waitFor();
      expect(await page.title()).toContain(agent.id);
      expect(await page.locator(".xterm a, .xterm b").count()).toBe(0);

      // Its pane shows what it asks at its terminal, which is in no stream.
      await page.getByRole("button", { name: "Its pane" }).click();
      await rowsOf(page).getByText("Password for origin: >").waitFor();
      await page.locator(".xterm-bold", { hasText: ">" }).waitFor();
      expect(await barriers(page)).toEqual([]);
      expect(await overhang(page)).toBe(0);

      // What is typed goes nowhere.
      await page.locator(".terminal.xterm").click();
      await page.keyboard.type("hunter2\n");
      await page.getByText("Looks only").waitFor();

      await world.corral(["kill", agent.id, "--grace", "1"]);
      await page.getByText("It has no pane any more.").waitFor();
      expect(await rowsOf(page).getByText("hunter2").count()).toBe(0);
      expect(browser.complaints).toEqual([]);
    },
  );
});

describe.skipIf(!HAS_TMUX)("looks at a pane (skipped without tmux)", () => {
  test(
    "leave no process behind when the daemon is killed while it looks, and go on with the next",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      const daemon = await world.daemon({ ...QUICK, CORRAL_HOST: "tmux" });
      const client = await world.mcp();
      const secret = ["sk-ant", "api03", "x".repeat(90)].join("-");
      const agent = await deploy(
        world,
        client,
        shell(`printf 'key %s' ${secret} >/dev/tty; sleep 300`),
      );
      const look = async (): Promise<ScreenAnswer> =>
        ScreenAnswer.parse((await world.api(`/api/agents/${agent.id}/screen`)).body);
      const shown = await waitFor("its pane", async () => {
        const { screen } = await look();
        return screen?.lines.find((line) => line.includes("key ")) === undefined
          ? undefined
          : screen;
      });
      expect(shown.lines.join("\n")).not.toContain(secret);
      expect(shown.lines.find((line) => line.includes("key "))).toMatch(/^key \*+/);

      const isOver = { now: false };
      let answered = 0;
      const looking = Array.from({ length: 8 }, async () => {
        while (!isOver.now) {
          await look().catch(() => undefined);
          answered += 1;
        }
      });
      // A look lasts milliseconds, too short to be seen for sure; while so many ask again and again one runs.
      await waitFor("looks that go on", () => answered >= 16 || undefined);
      await daemon.stop("SIGKILL");
      isOver.now = true;
      await Promise.all(looking);
      await waitFor("no look to be left", () => looksAt(world).length === 0 || undefined);

      await world.daemon({ ...QUICK, CORRAL_HOST: "tmux" });
      const again = await look();
      expect(again.state).toBe("shown");
      expect(again.screen?.lines).toEqual(shown.lines);
    },
  );
});

/** Processes that look at a pane of this world. */
function looksAt({ folder }: World) {
  return processes().filter(
    ({ argv }) => argv.includes("capture-pane") && argv.some((word) => word.startsWith(folder)),
  );
}
