/**
 * A real browser on the dashboard of a world: Debian's Chromium, with a profile of its own below the
 * test root, and nothing that calls home.
 *
 *   await using browser = await makeBrowser(world);
 */
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { buildDashboard } from "../../src/bin/build-dashboard.ts";
import type { World } from "./world.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
export const FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Shared machines are slow; a wait that ends at once costs nothing. */
const PATIENCE_MS = 20_000;

/** Path of the browser; undefined where none is installed, and its tests are skipped. */
export const CHROMIUM: string | undefined = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export interface TestBrowser extends AsyncDisposable {
  /** A window of its own: no cookie of another one. */
  page(options?: BrowserContextOptions): Promise<Page>;
  /** A window that has followed a fresh login link. */
  signedIn(options?: BrowserContextOptions): Promise<Page>;
  /** What pages complained about: errors of scripts, refusals of the content policy. */
  readonly complaints: readonly string[];
}

/** Builds the dashboard where that is due, and starts a browser. */
export async function makeBrowser(world: World): Promise<TestBrowser> {
  if (CHROMIUM === undefined) throw new Error("no Chromium is installed");
  await buildDashboard();
  const home = join(world.folder, "browser");
  mkdirSync(home);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS],
    env: { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home, LANG: "C.UTF-8" },
  });
  const complaints: string[] = [];
  const page = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const opened = await contextOf(browser, options);
    opened.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
    opened.on("request", (asked) => {
      const { protocol, hostname } = new URL(asked.url());
      if (protocol !== "about:" && hostname !== "127.0.0.1") complaints.push(`asks ${asked.url()}`);
    });
    opened.on("console", (said) => {
      // A daemon that is away is told in the page; the browser notes each try, too.
      const isNetwork = said.text().includes("Failed to load resource");
      const isDevelopment = said.text().includes("React DevTools");
      if ((said.type() === "error" && !isNetwork) || isDevelopment) complaints.push(said.text());
    });
    return opened;
  };
  return {
    page,
    complaints,
    async signedIn(options) {
      const opened = await page(options);
      await opened.goto(await loginLink(world));
      await opened.getByRole("status").getByText("Live").waitFor();
      return opened;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

async function contextOf(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 820 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  return await context.newPage();
}

/** What `corral open` prints. */
export async function loginLink(world: World): Promise<string> {
  const { code, stdout, stderr } = await world.corral(["open", "--print"]);
  if (code !== 0) throw new Error(`corral open: ${stderr}`);
  return stdout.trim();
}

/** What a page has that keeps people out, serious or worse; each with where. */
export async function barriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () => {
    const { axe: judge } = globalThis as unknown as { readonly axe: typeof axe };
    return await judge.run();
  });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
}

/** Pixels by which the page is wider than its window; 0 where nobody must scroll sideways. */
export async function overhang(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const { scrollWidth, clientWidth } = (
      globalThis as unknown as { readonly document: { readonly documentElement: Element } }
    ).document.documentElement;
    return Math.max(0, scrollWidth - clientWidth);
  });
}

/** The part of the DOM's Element that is asked for; tests are not checked with the DOM's types. */
interface Element {
  readonly scrollWidth: number;
  readonly clientWidth: number;
}

/** An empty page is less. */
const PICTURE_LEAST_BYTES = 5_000;

/** Takes a picture of the page; into the documents when `CORRAL_SCREENS` says so. */
export async function picture(
  page: Page,
  world: Pick<World, "folder">,
  name: string,
): Promise<void> {
  const folder = process.env["CORRAL_SCREENS"] ?? join(world.folder, "screens");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  const bytes = await page.screenshot({ path, animations: "disabled" });
  if (bytes.length < PICTURE_LEAST_BYTES) throw new Error(`the picture "${name}" shows nothing`);
}
