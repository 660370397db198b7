/**
 * The `corral` program: wires the command line to the world, runs one verb, exits.
 *
 * What only some verbs need is imported when they ask for it: `corral ps` must not pay for
 * the daemon, the MCP packages or the schemas.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { becomeDaemonProcess, daemonArgv, daemonEnvironment } from "../../bin/daemon-process.js";
import { asFault, errnoOf, Fault } from "../kernel/fault.ts";
import { wantsColour } from "../surface/cli/paint.ts";
import type { ApiClient } from "../contract/client.ts";
import type { CliPorts, Terminal } from "../surface/cli/ports.ts";
import { asksForJson, renderFailure, runCommandLine } from "../surface/cli/program.ts";
import { statePaths } from "../surface/cli/state-paths.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { isVerb, VERBS } from "../surface/cli/verb-table.ts";
import { VERSION } from "./version.ts";

/** Aborted when stdout has no reader any more. */
const readerGone = new AbortController();
const LAUNCHER = fileURLToPath(new URL("../../bin/corral.js", import.meta.url));

function terminal(): Terminal {
  const isTty = process.stdout.isTTY;
  return {
    isTty,
    colour: wantsColour(process.env, isTty),
    // A terminal that does not know its size says 0.
    columns: isTty ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY,
    line: (words) => {
      process.stdout.write(`${words}\n`);
    },
    // Not "drain": that never comes when the reader has left.
    bytes: (chunk) => new Promise((resolve) => process.stdout.write(chunk, () => resolve())),
    note: (words) => {
      process.stderr.write(`${words}\n`);
    },
  };
}

/** What needs no other verb's code. */
type Shared = Omit<
  CliPorts,
  | "offline"
  | "orphans"
  | "pretty"
  | "platform"
  | "ask"
  | "clientConfigs"
  | "runDaemon"
  | "runBridge"
  | "runDemo"
>;

function ports(paths: StatePaths): CliPorts {
  const client = once(() => connect(paths));
  const shared = {
    paths,
    env: process.env,
    cwd: process.cwd(),
    version: VERSION,
    terminal: terminal(),
    now: () => Date.now(),
    sleep: pause,
    client,
    ensureDaemon: async () => await startDaemon(paths, process.env),
    daemonGone: async (pid: number) =>
      await (await import("../adapters/daemon-start/daemon-gone.ts")).daemonGone(pid),
    readText,
    runInTerminal,
    openScreen: async () =>
      (await import("../adapters/terminal/full-screen.ts")).terminalScreen(
        process.stdin,
        process.stdout,
        process.env["TERM"],
      ),
    buildDashboard: async () => await (await import("./build-dashboard.ts")).buildDashboard(),
    openInBrowser: async (link: string) =>
      await (
        await import("../adapters/browser/open-in-browser.ts")
      ).openInBrowser(link, paths.openPage, process.env),
  } satisfies Shared;
  return {
    ...shared,
    offline: {
      ledger: async () => await (await import("./offline.ts")).offlineLedger(paths),
      sweep: async (options) => await (await import("./offline.ts")).offlineSweep(paths, options),
      doctor: async () => await (await import("./offline.ts")).offlineDoctor(paths),
      readArchives: async (work) =>
        await (await import("./archives-beside.ts")).readArchivesBeside(paths, process.env, work),
      pruneArchives: async (input) =>
        await (await import("./offline.ts")).offlinePrune(paths, input),
    },
    platform: process.platform,
    ask: process.stdin.isTTY && process.stderr.isTTY ? ask : null,
    clientConfigs: async () => (await import("./client-files.ts")).clientFiles(paths, process.env),
    orphans: async () => await (await import("./orphans.ts")).orphans(),
    pretty: async (harness) => {
      const [{ harnessNamed }, { renderPretty }] = await Promise.all([
        import("../harness/registry.ts"),
        import("../output/render.ts"),
      ]);
      const named = harnessNamed(harness);
      return (line) => named.events(line).map(renderPretty);
    },
    runDaemon: async () => {
      // The launcher has seen to that already, unless there were other words than this one.
      becomeDaemonProcess();
      return await (await import("./daemon.ts")).runDaemon(paths, process.env);
    },
    runBridge: async () => await bridge(shared),
    runDemo: async (options) => await demo(shared, options),
  };
}

async function connect({ socket }: StatePaths): Promise<ApiClient> {
  const { apiClient } = await import("../adapters/http-client/api-client.ts");
  return apiClient({ socketPath: socket, cwd: process.cwd() });
}

async function startDaemon(paths: StatePaths, env: PathEnvironment) {
  const [{ ensureDaemon }, { argvInScope }, client] = await Promise.all([
    import("../adapters/daemon-start/ensure-daemon.ts"),
    import("../adapters/daemon-start/scope-start.ts"),
    connect(paths),
  ]);
  return await ensureDaemon({
    log: paths.log,
    argv: daemonArgv(LAUNCHER),
    within: (argv) => argvInScope(argv, env, paths.stateDir),
    env: daemonEnvironment({ ...env, CORRAL_STATE_DIR: paths.stateDir }),
    health: () => client.health(),
  });
}

/** An agent's bridge has the agent's token and no daemon to start; a client's starts what it needs. */
async function bridge({ env, version, cwd, client, ensureDaemon }: Shared): Promise<number> {
  const [{ runBridge }, { apiClient }] = await Promise.all([
    import("../surface/mcp/bridge.ts"),
    import("../adapters/http-client/api-client.ts"),
  ]);
  const { stdin, stdout, stderr } = process;
  const { CORRAL_URL: url, CORRAL_TOKEN: token } = env;
  if (url && token) {
    const asAgent = apiClient({ url: new URL(url).origin, token, cwd });
    await runBridge({ client: asAgent, version, stdin, stdout, stderr });
  } else {
    const start = async () => void (await ensureDaemon());
    await runBridge({
      client: await client(),
      ensureDaemon: start,
      version,
      stdin,
      stdout,
      stderr,
    });
  }
  return 0;
}

async function demo(
  { terminal: screen, env, now, sleep, daemonGone }: Shared,
  { json }: { readonly json: boolean },
): Promise<number> {
  const { runDemo } = await import("../surface/cli/demo/run-demo.ts");
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  // Nobody watches any more; the world that was made is given back all the same.
  readerGone.signal.addEventListener("abort", stop);
  return await runDemo({
    terminal: screen,
    json,
    env,
    now,
    sleep,
    daemonGone,
    interrupted: interrupt.signal,
    connect,
    startDaemon: async (paths, own) => (await startDaemon(paths, own)).health,
    sweepOffline: async (paths) =>
      await (await import("./offline.ts")).offlineSweep(paths, { apply: true }),
  });
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return path === "-" ? await text(process.stdin) : await readFile(path, "utf8");
  } catch (thrown) {
    throw new Fault("INPUT_INVALID", `"${path}" cannot be read (${errnoOf(thrown) ?? "failed"}).`, {
      hint: "Name a file that you may read, or - for standard input.",
      cause: thrown,
    });
  }
}

/** The question is for people, so it goes where notes go. */
async function ask(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    return /^y(?:es)?$/i.test((await Promise.race([lines.question(question), closed])).trim());
  } finally {
    lines.close();
  }
}

/** The program takes over the terminal, Ctrl-C included, until it ends. */
async function runInTerminal([program = "", ...rest]: readonly string[]): Promise<number> {
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(program, rest, { stdio: "inherit" });
      child.once("error", (error) => reject(missing(program, error)));
      child.once("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}

function missing(program: string, cause: Error): Fault {
  return new Fault("HOST_UNREACHABLE", `"${program}" could not be started: ${cause.message}.`, {
    hint: `Install ${program}, or use "corral logs -f --pretty AGENT".`,
    cause,
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/**
 * A reader that left (`corral ps | head -1`) has seen what it wanted: no error, no stack. What
 * only looks ends with it; what changes something goes on to its own end, unseen.
 */
function mindTheReader(words: readonly string[]): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => {
      if (errnoOf(error) !== "EPIPE") throw error;
      if (stream === process.stdout) readerGone.abort();
    });
  }
  const [verb] = words;
  if (isVerb(verb) && !VERBS[verb].onlyLooks) return;
  readerGone.signal.addEventListener("abort", () => process.exit(0));
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

const exit = await main();
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Connections that are kept alive for the next request must not keep a finished verb waiting.
process.exit(exit);

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  mindTheReader(words);
  try {
    return await runCommandLine(words, ports(statePaths(process.env)));
  } catch (thrown) {
    return renderFailure(asFault(thrown), terminal(), asksForJson(words));
  }
}
