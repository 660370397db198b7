/** Alerts, processes, charts and messages in the page, over a real daemon with real agents. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { barriers, CHROMIUM, makeBrowser, overhang, picture } from "../helpers/browser.ts";
import { standInPath } from "../helpers/conversation.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, newTask, QUICK, waitCleanOne } from "./support.ts";

const LONG_MS = 180_000;
/** The daemon judges every 15 s; a settings file is read again at SIGHUP. */
const JUDGED_MS = 45_000;

function configure(world: World, settings: Readonly<Record<string, unknown>>): void {
  writeFileSync(world.paths.configFile, JSON.stringify(settings));
}

/** Listens on a port of its own beside a child that does nothing. */
const LISTENER = `
  require("node:child_process").spawn("sleep", ["300"]);
  require("node:net").createServer().listen(0, "127.0.0.1", function () {
    console.log("listens on " + this.address().port);
  });`;

describe.skipIf(CHROMIUM === undefined)("monitoring in the page (skipped without Chromium)", () => {
  test(
    "an alert is raised, told with what to do, and cleared, without loading the page",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      const daemon = await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const page = await browser.signedIn();
      await page.getByText("No agents yet").waitFor();
      expect(await page.getByRole("list", { name: "What wants a look" }).count()).toBe(0);

      configure(world, { disk_warn_free: "99%" });
      process.kill(daemon.pid, "SIGHUP");
      const standing = page.getByRole("list", { name: "What wants a look" });
      await standing.getByText("disk floor").waitFor({ timeout: JUDGED_MS });
      const { standing: told } = (await world.api("/api/alerts")).body as {
        readonly standing: readonly { readonly evidence: string; readonly next_step: string }[];
      };
      expect(told).toHaveLength(1);
      await standing.getByText(told[0]!.evidence).waitFor();
      await standing.getByText(told[0]!.next_step).waitFor();
      await standing.getByText(/^for \d+ s/).waitFor();
      expect(await barriers(page)).toEqual([]);
      await picture(page, world, "overview-alert-light");

      configure(world, {
        disk_warn_free: "0",
        disk_admit_free: "0",
        disk_relief_free: "0",
        disk_stop_free: "0",
      });
      process.kill(daemon.pid, "SIGHUP");
      await standing.waitFor({ state: "detached", timeout: JUDGED_MS });
      await page.getByText("1 alert cleared lately").click();
      await page.getByRole("list", { name: "Cleared alerts" }).getByText("disk floor").waitFor();
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "an agent's processes as a tree with their ports, what it used over time, and a message to it",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const client = await world.mcp();
      const agent = await deploy(world, client, [process.execPath, "-e", LISTENER]);
      const page = await browser.signedIn();
      await page.goto(`${new URL(page.url()).origin}/agents/${agent.id}`);
      const output = page.getByRole("log", { name: "Output" });
      const words = await output.getByText("listens on").textContent();
      const port = /\d+/.exec(words ?? "")?.[0] ?? "";

      // The child stands below its parent, and the port beside who listens on it.
      await page.getByRole("tab", { name: "Processes" }).click();
      const row = page.getByRole("row").filter({ hasText: `tcp 127.0.0.1:${port}` });
      await row.getByText(String(agent.pid)).waitFor();
      const child = page.getByRole("row").filter({ hasText: "sleep 300" });
      await child.locator(".tree-1").waitFor();
      expect(await barriers(page), "processes").toEqual([]);
      expect(await overhang(page), "processes").toBe(0);

      await page.getByRole("tab", { name: "Use" }).click();
      const chart = page.getByRole("img", { name: /^Memory, .*: [\d.]+ MiB, at most/ });
      await chart.locator("polyline").first().waitFor({ state: "attached" });
      await page.getByRole("button", { name: "Week" }).click();
      await chart.locator("polyline").first().waitFor({ state: "attached" });
      expect(await barriers(page), "over time").toEqual([]);
      expect(await overhang(page), "over time").toBe(0);

      // A message is durable at once, and reaches it with its next report.
      await page.getByRole("tab", { name: "Messages" }).click();
      await page.getByText("Nobody has told it anything").waitFor();
      await page.getByRole("button", { name: "Message…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Message").fill("Leave the <b>parser</b> alone");
      expect(await barriers(page), "the message").toEqual([]);
      await dialog.getByRole("button", { name: "Send it" }).click();
      await page.getByRole("dialog", { name: "The message is queued" }).waitFor();
      await dialog.getByRole("button", { name: "Close" }).last().click();
      const messages = page.getByRole("list", { name: "Messages" });
      await messages.getByText("Leave the <b>parser</b> alone").waitFor();
      const own = await world.mcp({ token: agent.token });
      const { inbox } = await callTool(own, "update_agent_progress", {
        task_id: agent.taskId,
        agent_id: agent.id,
        status: "working",
        message: "Reading",
        progress: 10,
      });
      expect(inbox?.messages).toMatchObject([{ text: "Leave the <b>parser</b> alone" }]);
      await messages.getByText("delivered").waitFor();
      expect(await barriers(page), "messages").toEqual([]);

      // What has ended has no processes, and no message is taken for it.
      await world.corral(["kill", agent.id, "--grace", "1"]);
      await page.getByRole("button", { name: "Message…" }).waitFor({ state: "detached" });
      await page.getByRole("tab", { name: "Processes" }).click();
      await page.getByText("None of its processes lives").waitFor();
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "an agent that has ended goes on under a new id, after a question",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      const path = standInPath(world.folder, world.env["PATH"] ?? "");
      await world.daemon({ ...QUICK, PATH: path });
      await using browser = await makeBrowser(world);
      const client = await world.mcp();
      const { taskId, cwd } = await newTask(world, client);
      const first = await callTool(client, "deploy_headless_agent", {
        task_id: taskId,
        agent_type: "talker",
        prompt: "FIRST-MISSION",
        harness: "claude",
      });
      writeFileSync(join(cwd, "go"), "");
      await waitCleanOne(world, first.agent_id);
      rmSync(join(cwd, "go"));

      const page = await browser.signedIn();
      await page.goto(`${new URL(page.url()).origin}/agents/${first.agent_id}`);
      await page.getByRole("button", { name: "Resume…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Resume…" }).click();
      await dialog.getByLabel(/What it is to do/).fill("SECOND-MISSION");
      expect(await barriers(page), "the question").toEqual([]);
      await dialog.getByRole("button", { name: "Resume it" }).click();
      await page.getByText("Goes on from").waitFor();
      await page.getByRole("link", { name: first.agent_id }).waitFor();
      const next = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
      expect(next).toMatch(/^talker-/);
      expect(next).not.toBe(first.agent_id);
      expect((await world.api(`/api/agents/${next}`)).body).toMatchObject({
        resumed_from: first.agent_id,
      });
      writeFileSync(join(cwd, "go"), "");
      await waitCleanOne(world, next);
      expect(browser.complaints).toEqual([]);
    },
  );
});
