/** The dashboard in a real browser over a real daemon with real agents. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { markOptions } from "../../src/runner/mark-options.ts";
import type { OverviewAnswer } from "../../src/contract/api.ts";
import { CHROMIUM, loginLink, makeBrowser } from "../helpers/browser.ts";
import { endChild, waitFor } from "../helpers/daemon-process.ts";
import { identityOf } from "../helpers/fault-reckoning.ts";
import { hardMarkOf, processOf } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, type Deployed, newTask, QUICK, shell } from "./support.ts";

const MINUTE_MS = 120_000;

/** Prints what a file tells it to, so that a test decides when there is output. */
function talker(world: World): { readonly command: readonly string[]; say(words: string): void } {
  const told = join(world.folder, "told");
  writeFileSync(told, "");
  return {
    command: shell(`tail -n +1 -f "${told}" & trap 'exit 0' INT TERM; while :; do sleep 0.1; done`),
    say: (words) => writeFileSync(told, `${words}\n`, { flag: "a" }),
  };
}

/** Reports as the agent itself, with its own token, over its own road. */
async function report(world: World, agent: Deployed, message: string, progress: number) {
  const client = await world.mcp({ token: agent.token });
  const { id: agent_id, taskId: task_id } = agent;
  await callTool(client, "update_agent_progress", {
    task_id,
    agent_id,
    status: "working",
    message,
    progress,
  });
}

/** True while the page was not loaded anew since it was marked. */
async function markPage(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
  return async () =>
    (await page.evaluate(() => (globalThis as { isSamePage?: boolean }).isSamePage)) === true;
}

describe.skipIf(CHROMIUM === undefined)("the dashboard (skipped without Chromium)", () => {
  test(
    "an agent from its deploy to its receipt, without loading the page once",
    { timeout: MINUTE_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_ARCHIVE_AFTER_MS: "0" });
      await using browser = await makeBrowser(world);
      const page = await browser.signedIn();
      const isSamePage = await markPage(page);
      await page.getByText("No agents yet").waitFor();

      // Progress appears by itself.
      const client = await world.mcp();
      const { command, say } = talker(world);
      const agent = await deploy(world, client, command, { type: "builder" });
      const row = page.getByRole("list", { name: "Agents" }).getByRole("link");
      await row.getByText("running").waitFor();
      await report(world, agent, "Half of the parser is written", 50);
      await row.getByText("Half of the parser is written").waitFor();
      await row.getByText("50 %").waitFor();

      // Output is followed, searched, and shown raw.
      await row.click();
      await page.getByRole("heading", { name: agent.id }).waitFor();
      say("the first line of many");
      const output = page.getByRole("log", { name: "Output" });
      await output.getByText("the first line of many").waitFor();
      say(Array.from({ length: 300 }, (_, index) => `line ${index} of the middle`).join("\n"));
      say("\u001b[31mthe last line\u001b[0m <b>is text</b>");
      await output.getByText("the last line").waitFor();
      expect(await output.locator(".ansi-red").allTextContents()).toEqual(["the last line"]);
      expect(await output.locator("b").count()).toBe(0);
      expect(await output.locator(".line").count()).toBe(302);
      await expectAtEnd(page, true);
      await page.getByLabel("Search the output").fill("line 2\\d\\d of");
      const found = page.getByRole("log", { name: "Matching lines" });
      await found.getByText("line 200 of the middle").waitFor();
      expect(await found.locator(".line").count()).toBe(100);
      await page.getByLabel("Search the output").fill("(");
      await page.getByText("FILTER_INVALID").waitFor();
      await page.getByLabel("Search the output").fill("");
      await page.getByRole("tab", { name: "Raw stream" }).click();
      await page.getByRole("log").getByText("the last line").waitFor();

      // Scrolling up stops the following; the button goes on.
      await output.evaluate((screen: { scrollTop: number }) => {
        screen.scrollTop = 0;
      });
      const follow = page.getByRole("button", { name: "Follow" });
      await follow.waitFor();
      say("one more line");
      await output.getByText("one more line").waitFor();
      await expectAtEnd(page, false);
      await follow.click();
      await expectAtEnd(page, true);

      // An output that is larger than a page holds is paged through from its beginning.
      await page.getByRole("tab", { name: "Output" }).click();
      const long = Array.from({ length: 30_000 }, (_, number) => `${number} ${"-".repeat(60)}`);
      say(long.join("\n"));
      await output.getByText("29999 -").waitFor();
      await page.getByRole("button", { name: "From the beginning" }).click();
      await output.getByText("the first line of many").waitFor();
      await expectAtEnd(page, false);
      await page.getByText("there is more").waitFor();
      const read = await output.locator(".line").last().textContent();
      await page.getByRole("button", { name: "Read on" }).click();
      const next = Number(read?.split(" ")[0]) + 1;
      await output.getByText(`${next} -`).waitFor();
      expect(await output.locator(".line").first().textContent()).toBe(`${next} ${"-".repeat(60)}`);
      await page.getByRole("button", { name: "To the end" }).click();
      await output.getByText("29999 -").waitFor();

      // What it uses is told while it lives.
      await page.getByRole("tab", { name: "Use" }).click();
      await page.getByText(/^\d+, \d+ threads?$/).waitFor();
      await page.getByRole("meter", { name: /wall clock/ }).waitFor();
      await page.locator(".chart polyline").first().waitFor({ state: "attached" });

      // It is stopped, after a question, and everything is accounted for.
      await page.getByRole("button", { name: "Stop…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Keep it running" }).click();
      expect(processOf(agent.pid)).toBeDefined();
      await page.getByRole("button", { name: "Stop…" }).click();
      await dialog.getByLabel("Reason").fill("the test has seen enough");
      await dialog.getByRole("button", { name: "Stop the agent" }).click();
      await dialog.getByText("all given back").waitFor();
      const set = dialog.getByRole("row", { name: /process set/ });
      await set.getByText("released").waitFor();
      expect(processOf(agent.pid)).toBeUndefined();
      await dialog.getByRole("button", { name: "Close" }).first().click();
      await page.getByText("the test has seen enough").first().waitFor();
      await page.getByRole("tab", { name: "Resources" }).click();
      await page
        .getByRole("row", { name: /process set/ })
        .getByText("released")
        .waitFor();
      await page.getByRole("tab", { name: "Reports" }).click();
      await page.getByText("Half of the parser is written").nth(1).waitFor();
      await page.getByRole("link", { name: "Cleanup" }).click();
      const archives = page.getByRole("list", { name: "Archives" });
      await archives.getByRole("link", { name: agent.id }).waitFor();
      await archives.getByText(/kept until/).waitFor();
      const ledger = page.getByRole("list", { name: "Ledger" });
      await ledger.locator('[data-row="0"]').waitFor();
      expect(await ledger.getByText(agent.id).count()).toBe(0);
      await page.getByRole("button", { name: "Released" }).click();
      await ledger.getByText("process set").waitFor();
      await page.getByLabel("Search the ledger").fill("process_set");
      await ledger.locator('[aria-setsize="1"]').waitFor();

      expect(await isSamePage()).toBe(true);
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "a task: its agents as a tree, its findings, its limits",
    { timeout: MINUTE_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const client = await world.mcp();
      const { taskId } = await newTask(world, client, {
        description: "Find out what the tree looks like",
        expected_deliverables: ["a drawing of the tree"],
        success_criteria: ["every child stands behind its parent"],
      });
      const parent = await deploy(world, client, shell("sleep 300"), { taskId, type: "oak" });
      const child = await deploy(world, client, shell("sleep 300"), {
        taskId,
        type: "acorn",
        parent: parent.id,
      });
      const page = await browser.signedIn();
      await page.getByRole("link", { name: /Find out what the tree/ }).click();
      await page.getByRole("heading", { name: "Find out what the tree looks like" }).waitFor();
      const rows = page.getByRole("list", { name: "Agents of this task" });
      await rows.getByText("acorn").waitFor();
      expect(await rows.locator("b").allTextContents()).toEqual(["oak", "acorn"]);
      expect(await rows.locator(".tree-1").allTextContents()).toEqual([
        expect.stringContaining("acorn"),
      ]);
      await page.getByText("every child stands behind its parent").waitFor();
      await page.getByRole("meter", { name: "Running at once" }).waitFor();

      const own = await world.mcp({ token: child.token });
      await callTool(own, "report_agent_finding", {
        task_id: taskId,
        agent_id: child.id,
        finding_type: "insight",
        severity: "high",
        message: "Acorns fall near the oak",
        data: { distance_m: 3 },
      });
      const timeline = page.getByRole("list", { name: "Progress and findings" });
      await timeline.getByText("Acorns fall near the oak").waitFor();
      await timeline.getByText("high", { exact: true }).waitFor();
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "a daemon that comes back, after an upgrade as after a crash: no event is lost and none comes twice",
    { timeout: MINUTE_MS },
    async () => {
      await using world = await makeWorld();
      let daemon = await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const page = await browser.signedIn();
      const isSamePage = await markPage(page);
      const { taskId } = await newTask(world, await world.mcp());
      for (const signal of ["SIGQUIT", "SIGKILL"] as const) {
        await daemon.stop(signal);
        await page.getByText("Reconnecting").waitFor();
        daemon = await world.daemon(QUICK);
        // Some of it happens before the page is back, some after.
        const client = await world.mcp();
        const type = signal === "SIGQUIT" ? "upgraded" : "crashed";
        const agent = await deploy(world, client, shell("sleep 300"), { taskId, type });
        await page.getByRole("status").getByText("Live").waitFor();
        await report(world, agent, `after ${signal}`, 10);
        await page.getByText(`after ${signal}`).first().waitFor();
      }
      // Nobody looks at the page for a while: it lets go, and goes on from there when it is seen again.
      await setHidden(page, true);
      await waitFor("the end of its connection", () =>
        connectionsTo(daemon.health.url) === 0 ? true : undefined,
      );
      const unseen = await deploy(world, await world.mcp(), shell("sleep 300"), { taskId });
      expect(await page.getByText(unseen.id).count()).toBe(0);
      await setHidden(page, false);
      await page.getByText(unseen.id).first().waitFor();

      const { events } = (await world.api("/api/overview")).body as OverviewAnswer;
      const wanted = events.map(({ seq }) => seq).toReversed();
      const shown = () =>
        page
          .getByRole("list", { name: "Latest events" })
          .locator("[data-seq]")
          .evaluateAll((items: { dataset: { seq?: string } }[]) =>
            items.map(({ dataset }) => Number(dataset.seq)),
          );
      await waitFor("every event", async () => (await shown())[0] === wanted[0] || undefined);
      expect(await shown()).toEqual(wanted.slice(0, 40));
      expect(wanted.length).toBeGreaterThan(8);
      expect(await isSamePage()).toBe(true);
      expect(browser.complaints).toEqual([]);
    },
  );

  test.skipIf(process.platform !== "linux")(
    "a sweep: a plan that touches nothing, then exactly that plan",
    { timeout: MINUTE_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_SWEEP_MS: "600000" });
      await using browser = await makeBrowser(world);
      const page = await browser.signedIn();
      await page.getByRole("link", { name: "Cleanup" }).click();
      await page.getByRole("button", { name: "Plan a sweep" }).click();
      await page.getByText("Nothing to release").waitFor();

      const { mark, seal } = identityOf(world);
      const options = markOptions({ soft: 700_002, hard: mark, seal });
      const stray = spawn("prlimit", [...options, "--", "sleep", "300"], {
        stdio: "ignore",
      });
      try {
        const pid = stray.pid ?? 0;
        await waitFor("the stray", () => hardMarkOf(pid) === mark || undefined);
        await page.getByRole("button", { name: "Plan anew" }).click();
        const plan = page.getByRole("list", { name: "The plan" });
        await plan.getByText("planned").waitFor();
        expect(processOf(pid)?.name).toBe("sleep");
        await page.getByRole("button", { name: "Release 1…" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
        await page.getByRole("list", { name: "What was done" }).getByText("released").waitFor();
        await waitFor("its end", () => stray.signalCode ?? undefined);
      } finally {
        await endChild(stray, 1_000, "SIGKILL");
      }
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "the way in: a link works once, leaves no trace in the address, and a page without it shows nothing",
    { timeout: MINUTE_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const link = await loginLink(world);
      const page = await browser.page();
      await page.goto(link);
      await page.getByText("No agents yet").waitFor();
      const origin = new URL(link).origin;
      expect(page.url()).toBe(`${origin}/`);
      await page.goBack();
      expect(page.url()).not.toContain("#");
      await page.goto(`${origin}/settings`);
      await page.getByText("limit_running", { exact: true }).waitFor();
      const kept = await page.context().cookies();
      expect(kept).toMatchObject([{ httpOnly: true, sameSite: "Strict", path: "/" }]);

      const late = await browser.page();
      await late.goto(link);
      await late.getByText("has been used").waitFor();
      const stranger = await browser.page();
      await stranger.goto(`${origin}/settings`);
      await stranger.getByText("corral open", { exact: true }).waitFor();
      expect(await stranger.getByText("limit_running").count()).toBe(0);

      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("corral open", { exact: true }).waitFor();
      await page.reload();
      await page.getByText("corral open", { exact: true }).waitFor();
      expect(browser.complaints).toEqual([]);
      expect(existsSync(join(world.paths.stateDir, "open.html"))).toBe(false);
    },
  );
});

/** What the browser does to a tab that is in front or is not. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    const { document } = globalThis as unknown as { readonly document: EventTarget };
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

/** Open TCP connections to a loopback port, as the system counts them; none where it does not say. */
function connectionsTo(url: string): number {
  if (process.platform !== "linux") return 0;
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const ESTABLISHED = "01";
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = "", state]) => remote.endsWith(`:${port}`) && state === ESTABLISHED)
    .length;
}

async function expectAtEnd(page: Page, isWanted: boolean): Promise<void> {
  const look = () =>
    page
      .getByRole("log", { name: "Output" })
      .evaluate(
        (screen: { scrollHeight: number; scrollTop: number; clientHeight: number }) =>
          screen.scrollHeight - screen.scrollTop - screen.clientHeight < 24,
      );
  await waitFor(isWanted ? "the end of the output" : "a look at its middle", async () =>
    (await look()) === isWanted ? true : undefined,
  );
}
