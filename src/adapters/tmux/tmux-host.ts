/**
 * Runners in tmux, on a server of our own: private socket, no configuration of the user's.
 *
 * tmux is a viewer here, not a supervisor: a runner catches the hang-up, so neither
 * kill-session nor the death of the server ends an agent, and no exit code comes from it.
 */
import { rmSync } from "node:fs";
import { sessionNameOf } from "../../kernel/ids.ts";
import { Fault } from "../../kernel/fault.ts";
import type {
  Host,
  PaneSeen,
  ProcessIdentity,
  RunnerStart,
  SessionSeen,
} from "../../supervision/ports.ts";
import { markOptions } from "../../runner/mark-options.ts";
import { endHints } from "../process/end-hints.ts";
import { KEEPER_SESSION } from "./control-link.ts";
import { closedWindow } from "./control-protocol.ts";
import { type OwnServer, ownServer } from "./own-server.ts";
import { paneSeen } from "./pane-seen.ts";
import { sharedLook } from "./shared-look.ts";
import { tmuxClient, type TmuxClient } from "./tmux-client.ts";
import { sessionHooks } from "./viewer-hooks.ts";
import type { Mark } from "../../kernel/watermark.ts";

export interface TmuxHostOptions {
  /** Absolute path of the server's socket, in a directory of ours (0700). Under 100 bytes. */
  readonly socket: string;
  /** Absolute path of runner.sh. */
  readonly runnerScript: string;
  /** What server and runners bear; null where there is no watermark. */
  readonly mark: Mark | null;
  /** Absolute path of prlimit; null where there is none. */
  readonly prlimit: string | null;
  /** The whole environment of the server, and so of every runner: PATH, HOME, LANG, SHELL, TERM. */
  readonly env: Readonly<Record<string, string>>;
  /** argv of what shows an agent's stream to whoever attaches; null shows only the runner. */
  readonly viewer: ((agentId: string) => readonly string[]) | null;
  /** From the containment. Must not throw for a process that is gone. */
  readonly identify: (pid: number) => ProcessIdentity | null;
  /** Absolute path, or a name in PATH. */
  readonly tmux?: string;
  /** Of {@link tmuxVersion}, where it was asked for before; absent: it is asked for now. */
  readonly version?: Promise<string>;
}

/**
 * "tmux 3.3a". Needs nothing of what a host needs, and may be asked for while that is found out.
 * @throws {Fault} HOST_UNREACHABLE when no tmux can be run.
 */
export function tmuxVersion({
  env,
  socket,
  tmux = "tmux",
}: Pick<TmuxHostOptions, "env" | "socket" | "tmux">): Promise<string> {
  return tmuxClient({ env, socket, tmux, before: [], setUp: [] }).version();
}

/** Session option that holds the runner's pid: a viewer's window may be the current one. */
const RUNNER_PID = "@corral_runner";
const SERVER_OPTIONS = [
  ["exit-empty", "off"],
  ["default-size", "200x50"],
  ["update-environment", ""],
  ["remain-on-exit", "off"],
  ["destroy-unattached", "off"],
] as const;
const SET_UP = SERVER_OPTIONS.map(([option, value]) => ["set-option", "-g", option, value]);

type Look = () => Promise<readonly SessionSeen[] | null>;

interface Tools {
  readonly client: TmuxClient;
  readonly server: OwnServer;
  readonly sessions: Look;
}

const PANE_FACTS = "#{pane_width} #{pane_height} #{cursor_flag} #{cursor_x} #{cursor_y}";
const NO_SESSION = /^can't find (session|window|pane): /;

/**
 * Opens the host; starts nothing. {@link Host} tells what its methods promise.
 * @throws {Fault} HOST_UNREACHABLE when no tmux can be run.
 */
export async function tmuxHost(options: TmuxHostOptions): Promise<Host> {
  const { socket, mark, prlimit } = options;
  const before = mark === null || prlimit === null ? [] : [prlimit, ...markOptions(mark), "--"];
  const hints = endHints();
  /** Windows of the runners that this daemon started: only by their number does tmux tell of their end. */
  const windows = new Map<string, string>();
  const client = tmuxClient({
    socket,
    env: options.env,
    tmux: options.tmux ?? "tmux",
    before,
    setUp: SET_UP,
    onNotice: (line) => {
      const window = closedWindow(line);
      if (window === null) return;
      hints.tell(windows.get(window) ?? null);
      windows.delete(window);
    },
  });
  const version = await (options.version ?? tmuxVersion(options));
  const { identify } = options;
  const server = ownServer({ socket, identify, unreachable: client.unreachable });
  const sessions = sharedLook(async () => listSessions(client, server));
  const tools = { client, server, sessions };

  return {
    kind: "tmux",
    detail: `${version} on ${socket}`,
    start: async (runner) => start(runner, tools, options, windows),
    release: async (session) => release(session, tools),
    look: async (session) => lookAtPane(session, client),
    list: async () => {
      await server.mend();
      return (await sessions()) ?? [];
    },
    serverPid: async () => {
      await server.mend();
      return listenerOf(client);
    },
    close: async () => close(tools, socket),
    onEnded: hints.listen,
  };
}

/**
 * One sequence for server, options and session: should the server have to be started, it is
 * started by this very client, marked, and with no moment in which its options are not set.
 */
async function start(
  { agentId, directory, session }: RunnerStart,
  { client, server }: Tools,
  { identify, runnerScript, viewer }: TmuxHostOptions,
  windows: Map<string, string>,
): Promise<ProcessIdentity | null> {
  const name = checkedName(session);
  const made = await client.run(
    newSession(name, ["/bin/sh", runnerScript, directory, name]),
    ["set-option", "-F", "-t", `=${name}:`, RUNNER_PID, "#{pane_pid}"],
    ...(viewer === null ? [] : sessionHooks(name, viewer(agentId))),
  );
  // A session of that name is another start's, and not ours to undo.
  if (made.stderr.startsWith("duplicate session")) throw client.unreachable(made.stderr);
  if (!made.ok) {
    await client.run(["kill-session", "-t", `=${name}`]).catch(() => {});
    throw client.unreachable(made.stderr);
  }
  const [pid, window = "", serverPid] = made.stdout.trim().split(" ");
  windows.set(window, agentId);
  server.note(Number(serverPid));
  return identify(Number(pid));
}

function newSession(name: string, argv: readonly string[]): readonly string[] {
  return [
    "new-session",
    "-d",
    "-s",
    name,
    "-c",
    "/",
    "-P",
    "-F",
    "#{pane_pid} #{window_id} #{pid}",
    ...argv,
  ];
}

async function release(session: string, { client, sessions }: Tools): Promise<string> {
  const name = checkedName(session);
  const before = await sessions();
  if (before === null) return "no tmux server runs on our socket";
  if (!hasSession(before, name)) return "session absent in the list of all sessions";
  // The session may end by itself just now: only the second list tells.
  await client.run(["kill-session", "-t", `=${name}`]);
  const after = await sessions();
  if (after === null || !hasSession(after, name))
    return "kill-session, then absent in the list of all sessions";
  throw client.unreachable(`session ${name} is still listed after kill-session`);
}

/** The first window is the runner's; a viewer's comes after it. */
async function lookAtPane(session: string, client: TmuxClient): Promise<PaneSeen | null> {
  const target = `=${checkedName(session)}:^`;
  const seen = await client.apart(
    ["display-message", "-p", "-t", target, PANE_FACTS],
    ["capture-pane", "-p", "-e", "-t", target],
  );
  if (seen.ok) return paneSeen(seen.stdout);
  if (client.isAbsent(seen) || NO_SESSION.test(seen.stderr)) return null;
  throw client.unreachable(seen.stderr);
}

function hasSession(sessions: readonly SessionSeen[], wanted: string): boolean {
  return sessions.some(({ name }) => name === wanted);
}

/** Ends our own server and no other: at a path that we have lost another's may listen. */
async function close({ client, server, sessions }: Tools, socket: string): Promise<string> {
  await server.mend();
  const listed = await sessions();
  const own = server.alive();
  await client.disconnect();
  if (listed !== null && listed.length > 0)
    return `tmux server kept: ${listed.length} sessions are left`;
  const listening = await listenerOf(client);
  if (own !== null && own.pid !== listening) {
    await server.end(own);
    return "tmux server had lost its socket; its process was ended and is gone";
  }
  if (listening === null) return withoutSocket("no tmux server runs on our socket", socket);
  server.note(listening);
  const ending = server.alive();
  await client.run(["kill-server"]);
  if (ending !== null) await server.seeGone(ending);
  if ((await sessions()) !== null) return "tmux server ended; another one has been started";
  return withoutSocket("tmux server ended and its process is gone", socket);
}

/** Pid of the server that listens on the socket; null when none does. */
async function listenerOf(client: TmuxClient): Promise<number | null> {
  const asked = await client.run(["display-message", "-p", "#{pid}"]);
  if (asked.ok) return Number(asked.stdout);
  if (client.isAbsent(asked)) return null;
  throw client.unreachable(asked.stderr);
}

/** tmux leaves its socket behind, also when it is killed; once nobody listens on it, it is a file of ours. */
function withoutSocket(seen: string, socket: string): string {
  rmSync(socket, { force: true });
  return seen;
}

/** All sessions but the keeper of our own connection; null when certainly no server runs. */
async function listSessions(
  client: TmuxClient,
  server: OwnServer,
): Promise<readonly SessionSeen[] | null> {
  const format = `#{session_name}:#{${RUNNER_PID}}:#{pane_pid}:#{pid}`;
  const listed = await client.run(["list-sessions", "-F", format]);
  if (!listed.ok && client.isAbsent(listed)) return null;
  if (!listed.ok) throw client.unreachable(listed.stderr);
  const lines = listed.stdout.split("\n").filter(Boolean);
  const serverPid = lines[0]?.split(":").at(-1);
  if (serverPid !== undefined) server.note(Number(serverPid));
  return lines
    .map((line) => {
      const [name = "", runnerPid = "", panePid = ""] = line.split(":");
      return { name, panePid: Number(runnerPid === "" ? panePid : runnerPid) };
    })
    .filter(({ name }) => name !== KEEPER_SESSION);
}

/** tmux rewrites `.` and `:` silently; a name that it would rewrite is never handed to it. */
function checkedName(session: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(session)) return session;
  throw new Fault("INTERNAL", `"${session}" is not a session name.`, {
    hint: `Use the recorded name, for instance "${sessionNameOf("worker-120000-0a1b2c")}".`,
  });
}
