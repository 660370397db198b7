/**
 * A thousand agents, every page for everybody (keyboard, screen reader, phone, dark), and the pictures
 * of the documents, which only `CORRAL_SCREENS=docs/screens` writes there.
 */
import { describe, expect, test } from "vitest";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { barriers, CHROMIUM, makeBrowser, overhang, picture } from "../helpers/browser.ts";
import { crowd } from "../helpers/dashboard-crowd.ts";
import { deploy, newTask, QUICK, shell } from "./support.ts";

const LONG_MS = 240_000;
const AGENTS = 1_000;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** A task that looks like one: a tree of live agents with reports and output. */
async function liveTask(
  world: World,
): Promise<{ readonly taskId: string; readonly agentId: string }> {
  const client = await world.mcp();
  const { taskId } = await newTask(world, client, {
    description: "Keep the time zone of dates before 1970, with tests",
    priority: "P1",
    expected_deliverables: ["src/date.ts, mended", "A test that fails without the change"],
    success_criteria: ["npm test passes", "No change to the public types"],
    constraints: ["Touch no other module"],
    relevant_files: ["src/date.ts", "test/date.test.ts"],
  });
  const output = shell(
    `printf '\\033[1msuite\\033[0m date parser\\n'; i=1; while [ $i -le 40 ]; do
     printf '  \\033[32mok\\033[0m %2d parses line %d of the fixture\\n' $i $i; i=$((i+1)); done
     printf '  \\033[31mnot ok\\033[0m 41 keeps the zone of 1969-12-31T23:00-05:00\\n'; sleep 600`,
  );
  const parts = [
    ["architect", "orchestrator", "Splitting the work: parsing, printing, tests", 60],
    ["builder", "architect", "Writing the parser for offsets with seconds", 45],
    ["tester", "builder", "Collecting dates from the bug reports", 80],
    ["reviewer", "architect", "Waiting for the first change", 5],
  ] as const;
  const ids = new Map([["orchestrator", "orchestrator"]]);
  let agentId = "";
  for (const [type, parent, message, progress] of parts) {
    const agent = await deploy(world, client, output, { taskId, type, parent: ids.get(parent) });
    ids.set(type, agent.id);
    if (type === "builder") agentId = agent.id;
    const own = await world.mcp({ token: agent.token });
    const who = { task_id: taskId, agent_id: agent.id };
    const status = type === "reviewer" ? "blocked" : "working";
    await callTool(own, "update_agent_progress", { ...who, status, message, progress });
    if (type !== "tester") continue;
    await callTool(own, "report_agent_finding", {
      ...who,
      finding_type: "issue",
      severity: "high",
      message: "parseDate() drops the offset when the year is below 1970",
      data: { file: "src/date.ts", line: 48 },
    });
  }
  return { taskId, agentId };
}

describe.skipIf(CHROMIUM === undefined)("a crowd (skipped without Chromium)", () => {
  test(
    "a thousand agents are one list: few rows exist, all can be reached, and found",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      crowd(world, AGENTS);
      await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const page = await browser.signedIn();
      const list = page.getByRole("list", { name: "Agents" });
      const rows = list.getByRole("listitem");
      await rows.first().waitFor();
      const most = Number(await rows.first().getAttribute("aria-setsize"));
      expect(most).toBe(AGENTS);
      expect(await rows.count()).toBeLessThan(60);

      // By keys alone: to the field by its key, through the list by arrows, to its very end.
      await page.keyboard.press("/");
      await page.keyboard.press("Escape");
      await rows.first().getByRole("link").focus();
      await page.keyboard.press("ArrowDown");
      await page.locator('[data-row="1"] a:focus').waitFor();
      await page.keyboard.press("End");
      await page.locator(`[data-row="${AGENTS - 1}"] a:focus`).waitFor();
      expect(await rows.count()).toBeLessThan(60);
      await page.keyboard.press("Home");
      await page.locator('[data-row="0"] a:focus').waitFor();

      await page.keyboard.press("/");
      await page.keyboard.type("crowd-0777");
      await page.locator('[aria-setsize="1"]').waitFor();
      expect(await rows.count()).toBe(1);
      await page.keyboard.type("nothing is called so");
      await page.getByText("No agent is like that").waitFor();
      expect(browser.complaints).toEqual([]);
    },
  );

  test(
    "every page is open to everybody: in the light, in the dark, on a phone",
    { timeout: LONG_MS },
    async () => {
      await using world = await makeWorld();
      crowd(world, 40);
      const { health } = await world.daemon(QUICK);
      await using browser = await makeBrowser(world);
      const { taskId, agentId } = await liveTask(world);
      const places = [
        { name: "overview", path: "/", ready: '[data-row="0"]' },
        { name: "task", path: `/tasks/${taskId}`, ready: "text=Deliverables" },
        { name: "agent", path: `/agents/${agentId}`, ready: "text=keeps the zone" },
        { name: "cleanup", path: "/cleanup", ready: '[data-row="0"]' },
        { name: "settings", path: "/settings", ready: "text=What works here" },
      ];
      for (const [look, options] of [
        ["light", { colorScheme: "light" }],
        ["dark", { colorScheme: "dark" }],
        ["phone", { ...PHONE, colorScheme: "light" }],
      ] as const) {
        const page = await browser.signedIn({ reducedMotion: "reduce", ...options });
        const origin = new URL(page.url()).origin;
        for (const { name, path, ready } of places) {
          await page.goto(`${origin}${path}`);
          await page.locator(ready).first().waitFor();
          expect(await barriers(page), `${name}, ${look}`).toEqual([]);
          expect(await overhang(page), `${name}, ${look}`).toBe(0);
          if (look !== "dark" || name === "agent") await picture(page, world, `${name}-${look}`);
        }
        await page.goto(`${origin}/agents/${agentId}`);
        await page.getByRole("button", { name: "Stop…" }).click();
        await page.getByRole("dialog").getByLabel("Reason").waitFor();
        expect(await barriers(page), `the question, ${look}`).toEqual([]);
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.getByRole("tab", { name: "Use" }).click();
        const now = page.getByRole("region", { name: "Used now" });
        await now.locator(".chart polyline").first().waitFor({ state: "attached" });
        expect(await barriers(page), `what it uses, ${look}`).toEqual([]);
        expect(await overhang(page), `what it uses, ${look}`).toBe(0);
        if (look === "light") await picture(page, world, "agent-use-light");
        for (const { tab, there } of [
          { tab: "Terminal", there: ".xterm-rows" },
          { tab: "Processes", there: ".processes tbody tr" },
          { tab: "Messages", there: "text=Nobody has told it anything" },
        ]) {
          await page.getByRole("tab", { name: tab }).click();
          await page.locator(there).first().waitFor();
          if (tab === "Terminal") await page.getByText("keeps the zone").waitFor();
          expect(await barriers(page), `${tab}, ${look}`).toEqual([]);
          expect(await overhang(page), `${tab}, ${look}`).toBe(0);
          if (tab === "Messages" || look !== "light") continue;
          await picture(page, world, `agent-${tab.toLowerCase()}-light`);
        }
        await page.getByRole("tab", { name: "Output" }).focus();
        await page.keyboard.press("ArrowLeft");
        await page.getByRole("row", { name: /process set/ }).waitFor();
        expect(await barriers(page), `resources, ${look}`).toEqual([]);
        await page.goto(`${origin}/agents/none-000000-000000`);
        await page.getByText("AGENT_NOT_FOUND").waitFor();
        expect(await barriers(page), `a failure, ${look}`).toEqual([]);
        await page.context().close();
      }
      const stranger = await browser.page({ colorScheme: "dark" });
      await stranger.goto(health.url);
      await stranger.getByText("corral open", { exact: true }).waitFor();
      expect(await barriers(stranger), "the door").toEqual([]);
      // The judge can say no.
      const bad = await browser.page();
      await bad.setContent('<html lang="en"><title>bad</title><img src="x">');
      expect(await barriers(bad)).toHaveLength(1);
      await bad.setContent('<html lang="en"><title>wide</title><p style="width:2000px">x');
      expect(await overhang(bad)).toBeGreaterThan(0);
      expect(browser.complaints).toEqual([]);
    },
  );
});
