/**
 * The short form of "the daemon's memory stays within its budget with ten pages open": the package's daemon as `corral up` starts it,
 * a thousand agents, ten pages of a real browser, reports that each of them shows. bench/dashboard.ts has the long form.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { apiClient } from "../../src/adapters/http-client/api-client.ts";
import { MIB } from "../../src/kernel/units.ts";
import { CHROMIUM, makeBrowser, type TestBrowser } from "../helpers/browser.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { crowd } from "../helpers/dashboard-crowd.ts";
import { processOf, residentBytes } from "../helpers/os-look.ts";
import { unpackPackage } from "../helpers/unpacked-package.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { read, shell } from "./support.ts";

const AGENTS = 1_000;
/** Windows of the browser, and pages in each: a window has six connections to a host, and each page keeps one. */
const WINDOWS = [4, 3, 3];
const REPORTS = 300;
const AT_ONCE = 25;
/** The budget of 90, and a tenth: of how much of Node's own program is resident, half of all, each kernel has its own mind. */
const MOST_MB = 99;
/** What is not collected yet comes and goes, and ten pages on a busy machine are slow: what is waited for comes in the end. */
const PATIENCE_MS = 60_000;

/** A live agent and its own way to report: by the API alone, because speaking MCP has a price of its own. */
async function reporter(world: World): Promise<{ say(message: string): Promise<void> }> {
  const api = apiClient({ socketPath: world.paths.socket });
  const token = join(world.folder, "token");
  const { task_id } = await api.tool("create_real_task", {
    description: "Report while ten pages look on.",
    client_cwd: world.folder,
  });
  const { agent_id } = await api.tool("deploy_headless_agent", {
    task_id,
    agent_type: "reporter",
    prompt: "Report.",
    command: shell(
      `printf %s "$CORRAL_TOKEN" >"${token}.part"; mv "${token}.part" "${token}"; exec sleep 600`,
    ),
  });
  const { url } = await api.health();
  const own = apiClient({ url, token: await waitFor("its token", () => read(token)) });
  return {
    async say(message) {
      const report = { task_id, agent_id, status: "working", message, progress: 10 };
      await own.tool("update_agent_progress", report);
    },
  };
}

async function openPages(browser: TestBrowser): Promise<readonly Page[]> {
  const pages: Page[] = [];
  for (const count of WINDOWS) {
    const first = await browser.signedIn();
    pages.push(first);
    for (let nth = 1; nth < count; nth += 1) {
      const page = await first.context().newPage();
      await page.goto(new URL("/", first.url()).href);
      pages.push(page);
    }
  }
  for (const page of pages)
    await page.locator(`[aria-setsize="${AGENTS}"]`).first().waitFor({ timeout: PATIENCE_MS });
  return pages;
}

describe.skipIf(CHROMIUM === undefined || process.platform !== "linux")(
  "with ten pages open (skipped without Chromium)",
  () => {
    test("the daemon's memory stays within its budget", { timeout: 240_000 }, async () => {
      await using world = await makeWorld();
      const launcher = await unpackPackage(world.folder);
      crowd(world, AGENTS);
      const up = await world.corral(["up"], { launcher });
      expect(up.code, up.stderr).toBe(0);
      const { pid } = await apiClient({ socketPath: world.paths.socket }).health();
      expect(processOf(pid)?.argv).toContain(launcher);
      await using browser = await makeBrowser(world);
      const agent = await reporter(world);
      const pages = await openPages(browser);
      const sayAndSee = async (message: string): Promise<void> => {
        await agent.say(message);
        for (const page of pages)
          await page.getByText(message).first().waitFor({ timeout: PATIENCE_MS });
      };
      for (let said = 0; said < REPORTS; said += AT_ONCE) {
        const words = Array.from({ length: AT_ONCE }, (_, nth) => `report ${said + nth} of many`);
        await Promise.all(words.map((one) => agent.say(one)));
      }
      await sayAndSee("all has been reported");
      const heldMb = async (): Promise<number> => {
        await agent.say("and on");
        return residentBytes(pid) / MIB;
      };
      await expect.poll(heldMb, { timeout: PATIENCE_MS }).toBeLessThanOrEqual(MOST_MB);
      // None of them had let go of the stream meanwhile.
      await sayAndSee("and that was the last of it");
      expect(browser.complaints).toEqual([]);
    });
  },
);
