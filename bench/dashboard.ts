/**
 * What the dashboard costs: its size, its first paint with a thousand agents, the way from an event to
 * a pixel, and the daemon's memory with ten pages open.
 *
 *   node bench/dashboard.ts [runs] [minutes that the pages stay open] [launcher of an unpacked package]
 *
 * Needs Chromium. Prints a Markdown table. Everything happens in a throw-away folder.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { buildDashboard } from "../src/bin/build-dashboard.ts";
import { MINUTE_MS } from "../src/kernel/units.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { CHROMIUM, FLAGS } from "../test/helpers/browser.ts";
import { crowd } from "../test/helpers/dashboard-crowd.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const RUNS = Number(process.argv[2] ?? 30);
const MINUTES = Number(process.argv[3] ?? 0);
/** While the pages stay open: one every so often, which each of them shows. */
const REPORT_EVERY_MS = 5_000;
const AGENTS = 1_000;
const PAGES = 10;
const STORM = 500;
const LAUNCHER = process.argv[4] ?? join(import.meta.dirname, "../bin/corral.js");
const ASSETS = join(import.meta.dirname, "../dist/web/assets");
const KB = 1_000;
const MB = 1_048_576;

const root = mkdtempSync(join(tmpdir(), "corral-bench-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
};
const paths = statePaths(env);
const api = apiClient({ socketPath: paths.socket });

/** Notes in the page when a text is first on the screen: after the frame that holds it. */
function watchForTexts(): void {
  const page = globalThis as unknown as {
    seenAt: Record<string, number>;
    wanted: string[];
    document: object;
    MutationObserver: new (call: () => void) => { observe(target: object, options: object): void };
    requestAnimationFrame: (call: () => void) => void;
  };
  page.seenAt = {};
  page.wanted = ["crowd-0000"];
  const look = (): void => {
    const { body } = page.document as { readonly body: { readonly textContent: string } | null };
    const text = body?.textContent ?? "";
    for (const wanted of page.wanted.filter((one) => !(one in page.seenAt) && text.includes(one))) {
      page.seenAt[wanted] = 0;
      page.requestAnimationFrame(() =>
        setTimeout(() => {
          page.seenAt[wanted] = Date.now();
        }, 0),
      );
    }
  };
  new page.MutationObserver(look).observe(page.document, {
    subtree: true,
    childList: true,
    characterData: true,
  });
}

type Watching = { seenAt: Record<string, number>; wanted: string[] };

async function seen(page: Page, text: string): Promise<number> {
  const found = await page.waitForFunction(
    (wanted) => (globalThis as unknown as Watching).seenAt[wanted] || false,
    text,
    { polling: 5 },
  );
  return Number(await found.jsonValue());
}

async function startDaemon(): Promise<ChildProcess> {
  const child = spawnDaemon(LAUNCHER, env);
  for (;;) {
    try {
      await api.health();
      return child;
    } catch {
      await sleep(10);
    }
  }
}

async function signedIn(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 820 } });
  await context.addInitScript(watchForTexts);
  const page = await context.newPage();
  await page.goto((await api.login()).url);
  await seen(page, "crowd-0000");
  await page.close();
  return context;
}

/** From the request for the page to the frame that shows the first agent of the crowd. */
async function firstPaint(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage();
  await page.goto(url, { waitUntil: "commit" });
  const at = await seen(page, "crowd-0000");
  const begun = await page.evaluate(() => performance.timeOrigin);
  await page.close();
  return at - begun;
}

interface Reporter {
  say(message: string): Promise<void>;
}

/** A live agent, and its own way to report. */
async function reporter(url: string): Promise<Reporter> {
  const project = join(root, "project");
  mkdirSync(project);
  const { task_id } = await api.tool("create_real_task", {
    description: "measure the way from an event to a pixel",
    client_cwd: project,
  });
  const file = join(root, "token");
  const { agent_id } = await api.tool("deploy_headless_agent", {
    task_id,
    agent_type: "reporter",
    prompt: "none",
    command: [
      "/bin/sh",
      "-c",
      `printf %s "$CORRAL_TOKEN" >"${file}.part"; mv "${file}.part" "${file}"; exec sleep 9999`,
    ],
  });
  const token = await (async () => {
    for (;;) {
      const text = statSync(file, { throwIfNoEntry: false }) && readFileSync(file, "utf8");
      if (text) return text;
      await sleep(10);
    }
  })();
  const own = apiClient({ url, token });
  return {
    async say(message) {
      const report = { task_id, agent_id, status: "working", message, progress: 10 };
      await own.tool("update_agent_progress", report);
    },
  };
}

async function eventToPixel(page: Page, agent: Reporter, text: string): Promise<number> {
  await page.evaluate((wanted) => {
    (globalThis as unknown as Watching).wanted = [wanted];
  }, text);
  const saidAt = Date.now();
  await agent.say(text);
  return (await seen(page, text)) - saidAt;
}

async function memoryBytes(): Promise<number> {
  const { pid } = await api.health();
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
}

/** Goes on reporting while the pages are open, to the end on the screen. @returns RSS after each minute. Megabytes. */
async function stayOpen(agent: Reporter, page: Page | undefined): Promise<readonly number[]> {
  const course: number[] = [];
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    const until = performance.now() + MINUTE_MS;
    for (let count = 0; performance.now() < until; count += 1) {
      await agent.say(`minute ${minute}, report ${count}`);
      await sleep(REPORT_EVERY_MS);
    }
    course.push((await memoryBytes()) / MB);
    process.stderr.write(`${minute} min: ${course.at(-1)?.toFixed(1)} MB\n`);
  }
  if (MINUTES > 0) {
    await agent.say("the last of all");
    await page?.getByText("the last of all").first().waitFor();
  }
  return course;
}

/** What a page loads first begins with `index`; the rest comes with what needs it. */
function packedBytes(ending: string, isFirst: boolean): number {
  return readdirSync(ASSETS)
    .filter((name) => name.endsWith(ending) && name.startsWith("index") === isFirst)
    .reduce((sum, name) => sum + statSync(join(ASSETS, name)).size, 0);
}

async function measured(browser: Browser): Promise<readonly Row[]> {
  const { url } = await api.health();
  const context = await signedIn(browser);
  const paints: number[] = [];
  for (let run = 0; run < RUNS; run += 1) paints.push(await firstPaint(context, url));

  const agent = await reporter(url);
  const page = await context.newPage();
  await page.goto(url);
  await seen(page, "crowd-0000");
  const pixels: number[] = [];
  for (let run = 0; run < RUNS * 2; run += 1) {
    pixels.push(await eventToPixel(page, agent, `report number ${run}.`));
    await sleep(50);
  }

  const before = await memoryBytes();
  const pages = await Promise.all(
    Array.from({ length: PAGES - 1 }, async (_, index) => {
      // Six connections to a host are all that one browser context has.
      const own = index % 4 === 0 ? await signedIn(browser) : context;
      const opened = await own.newPage();
      await opened.goto(url);
      return opened;
    }),
  );
  for (let count = 0; count < STORM; count += 1) await agent.say(`storm ${count}`);
  await pages[0]
    ?.getByText(`storm ${STORM - 1}`)
    .first()
    .waitFor();
  const after = await memoryBytes();
  const course = await stayOpen(agent, pages[0]);

  const row = (what: string, unit: string, goal: string, sample: readonly number[]): Row => ({
    what,
    unit,
    goal,
    figures: figuresOf(sample),
  });
  return [
    row("JavaScript, gzip", "kB", "≤ 250", [packedBytes(".js.gz", true) / KB]),
    row("more of it for a terminal, gzip", "kB", "–", [packedBytes(".js.gz", false) / KB]),
    row("style sheet, gzip", "kB", "–", [packedBytes(".css.gz", true) / KB]),
    row(`first paint of the overview, ${AGENTS} agents`, "ms", "≤ 1 000", paints),
    row("report sent → on the screen", "ms", "p50 ≤ 150", pixels),
    row("daemon's memory, one page open (RSS)", "MB", "–", [before / MB]),
    row(`the same, ${PAGES} pages and ${STORM} reports later`, "MB", "–", [after / MB]),
    ...(course.length === 0
      ? []
      : [row(`the same, looked at each minute for ${MINUTES} minutes`, "MB", "–", course)]),
  ];
}

if (CHROMIUM === undefined) throw new Error("bench/dashboard.ts needs Chromium");
await buildDashboard();
crowd({ paths }, AGENTS);
const daemon = await startDaemon();
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: [...FLAGS],
  env: { PATH: env.PATH, HOME: root, TMPDIR: root },
});
try {
  process.stdout.write(`${tableOf(await measured(browser))}\n`);
} finally {
  await browser.close();
  const gone = new Promise((resolve) => daemon.once("exit", resolve));
  await api.leave({ mode: "end" });
  await gone;
  rmSync(root, { recursive: true, force: true });
}
