/**
 * A whole Corral of a test's own: state directory, HOME, TMPDIR, daemon, clients.
 *
 *   await using world = await makeWorld();
 *
 * Disposing stops what the world started and then asks the operating system whether anything of
 * it is left; if so, the test fails with the names. The folder is removed in either case.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { HealthAnswer } from "../../src/contract/api.ts";
import type { ToolAnswer, ToolName } from "../../src/contract/tools.ts";
import { type StatePaths, statePaths } from "../../src/surface/cli/state-paths.ts";
import {
  type ApiAnswer,
  ask,
  closed,
  collect,
  daemonAnswers,
  DAEMON_STOP_MS,
  endChild,
  endDaemon,
  ended,
  type Ran,
  waitFor,
} from "./daemon-process.ts";
import {
  describeProcess,
  hardMarkOf,
  isMarked,
  mentions,
  processes,
  socketsBelow,
} from "./os-look.ts";

const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");
const VERB_MS = 60_000;
const LEFTOVER_MS = 3_000;

export interface RunOptions {
  /** Added to the world's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  /** Another launcher than that of the checkout: a package's. */
  readonly launcher?: string;
  /** After which it is killed. Milliseconds, default one minute. */
  readonly timeoutMs?: number;
}

export interface RunningDaemon {
  readonly pid: number;
  readonly health: HealthAnswer;
  /** Sends the signal and waits until the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<Pick<Ran, "code" | "signal">>;
  /** What it has printed so far. */
  output(): string;
}

export interface McpOptions {
  /** 2026: the modern era only; 2025: `initialize`. */
  readonly era?: "2025" | "2026";
  readonly transport?: "http" | "stdio";
  /** For http; default: the client's token. */
  readonly token?: string;
}

export interface World extends AsyncDisposable {
  /** Everything of this world lies below it. */
  readonly folder: string;
  readonly home: string;
  readonly paths: StatePaths;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `corral …` to its end. */
  corral(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts `corral daemon` in the foreground as our child; returns when it answers. */
  daemon(env?: Readonly<Record<string, string>>): Promise<RunningDaemon>;
  /** Asks the HTTP API over the unix socket: GET, or POST when there is a body. */
  api(path: string, body?: unknown): Promise<ApiAnswer>;
  /** The bearer token of clients. */
  clientToken(): string;
  /** A connected MCP client; the world closes it. */
  mcp(options?: McpOptions): Promise<Client>;
  /** A git repository with one commit. @returns its absolute path. */
  repo(files?: Readonly<Record<string, string>>): string;
}

export async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "w-"));
  const home = join(folder, "home");
  const temporary = join(folder, "tmp");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    TMPDIR: temporary,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    CORRAL_STATE_DIR: join(folder, "state"),
    CORRAL_TEST_ROOT: process.env["CORRAL_TEST_ROOT"] ?? folder,
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const paths = statePaths(env);
  for (const path of [home, temporary]) mkdirSync(path, { mode: 0o700 });

  const children = new Set<ChildProcess>();
  const clients: Client[] = [];
  const marks = new Set<number>();
  let repositories = 0;

  function start(args: readonly string[], options: RunOptions): ChildProcess {
    const child = spawn(process.execPath, [options.launcher ?? LAUNCHER, ...args], {
      cwd: options.cwd ?? folder,
      env: { ...env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    children.add(child);
    child.on("close", () => children.delete(child));
    child.stdin?.on("error", () => {}); // it may end without reading
    child.stdin?.end(options.input ?? "");
    return child;
  }

  let isDisposed = false;
  async function dispose(): Promise<void> {
    if (isDisposed) return;
    isDisposed = true;
    noteMarks(folder, marks);
    await Promise.allSettled(clients.map((client) => client.close()));
    await endDaemon(paths.socket, folder);
    await Promise.all([...children].map((child) => endChild(child, DAEMON_STOP_MS)));
    const left = await leftovers(folder, marks);
    rmSync(folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`this world left behind:\n  ${left.join("\n  ")}`);
  }

  const world: World = {
    folder,
    home,
    paths,
    env,
    async corral(args, options = {}) {
      const child = start(args, options);
      const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? VERB_MS);
      const output = collect(child);
      // Not "close": a verb that starts the daemon may end while that keeps its pipes open.
      const end = await ended(child);
      await closed(child);
      clearTimeout(timer);
      return { ...end, ...output() };
    },
    async daemon(more = {}) {
      const child = start(["daemon"], { env: more });
      const output = collect(child);
      const health = await daemonAnswers(paths.socket, child, () => output().stderr);
      noteMarks(folder, marks);
      return {
        pid: child.pid ?? 0,
        health,
        output: () => output().stdout + output().stderr,
        async stop(signal = "SIGTERM") {
          noteMarks(folder, marks);
          child.kill(signal);
          return await endChild(child, DAEMON_STOP_MS, signal);
        },
      };
    },
    api: (path, body) => ask(paths.socket, path, body),
    clientToken: () => readFileSync(paths.clientToken, "utf8").trim(),
    async mcp(options = {}) {
      const client = new Client({ name: "corral-test", version: "1.0.0" }, negotiation(options));
      clients.push(client);
      await client.connect(await transportTo(world, options));
      return client;
    },
    repo(files = { "README.md": "# A repository\n" }) {
      repositories += 1;
      return makeRepository(join(folder, `repo-${repositories}`), files, env);
    },
    [Symbol.asyncDispose]: dispose,
  };
  return world;
}

/** Calls a tool and returns its structured answer. @throws with the tool's own text when it failed. */
export async function callTool<N extends ToolName>(
  client: Client,
  name: N,
  input: Readonly<Record<string, unknown>>,
): Promise<ToolAnswer<N>> {
  const result = await client.callTool({ name, arguments: input });
  if (result.isError === true) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
  return result.structuredContent as ToolAnswer<N>;
}

function negotiation({ era = "2026" }: McpOptions): ConstructorParameters<typeof Client>[1] {
  return {
    versionNegotiation: { mode: era === "2026" ? { pin: "2026-07-28" } : "legacy" },
  };
}

async function transportTo(world: World, options: McpOptions) {
  if (options.transport === "stdio") {
    const [command, args] = [process.execPath, [LAUNCHER, "mcp"]];
    return new StdioClientTransport({ command, args, env: { ...world.env }, cwd: world.folder });
  }
  const { url } = HealthAnswer.parse((await world.api("/api/health")).body);
  const token = options.token ?? world.clientToken();
  return new StreamableHTTPClientTransport(new URL("/mcp", url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
}

/** Watermarks of this world: of the processes that still say to whom they belong. */
function noteMarks(folder: string, marks: Set<number>): void {
  for (const { pid } of processes()) {
    const mark = isMarked(pid) && mentions(pid, folder) ? hardMarkOf(pid) : undefined;
    if (mark !== undefined) marks.add(mark);
  }
}

async function leftovers(folder: string, marks: ReadonlySet<number>): Promise<readonly string[]> {
  const look = () => [
    ...processes()
      .filter(({ pid }) => pid !== process.pid)
      .filter(({ pid }) => marks.has(hardMarkOf(pid) ?? 0) || mentions(pid, folder))
      .map(describeProcess),
    ...socketsBelow(folder).map((path) => `socket ${path}`),
  ];
  // Twice, because one look may miss a process that is just forking.
  let emptyLooks = 0;
  const isEmpty = () => {
    emptyLooks = look().length === 0 ? emptyLooks + 1 : 0;
    return emptyLooks === 2 ? true : undefined;
  };
  await waitFor("nothing", isEmpty, LEFTOVER_MS).catch(() => false);
  return look();
}

function makeRepository(
  folder: string,
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): string {
  const git = (...args: readonly string[]) => {
    const who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
    execFileSync("git", [...who, ...args], { cwd: folder, env, stdio: "pipe" });
  };
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=Begin");
  return folder;
}
