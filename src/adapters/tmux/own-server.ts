/**
 * The tmux server of ours, known by its identity: its socket is a file, and files get deleted.
 *
 * A cleaner of /tmp, a runtime directory that goes with the last login, or somebody who deletes the
 * state directory takes the socket away from a server that runs on. Nobody can reach it then, and
 * who asks at the path hears that there is none, or hears another's. So every answer that names the
 * server is remembered; the server is told to make its socket again (tmux does, on SIGUSR1), and in
 * the end it is ended by its identity, never by what answers at the path.
 */
import { lstatSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, type Fault } from "../../kernel/fault.ts";
import type { ProcessIdentity } from "../../supervision/ports.ts";

export interface OwnServer {
  /** Notes the process that the server itself has named in an answer. */
  note(pid: number): void;
  /** The server last seen, while it lives; else null. */
  alive(): ProcessIdentity | null;
  /** Has a live server whose socket is gone make it again, when its folder is there. */
  mend(): Promise<void>;
  /**
   * Waits until a server that was told to leave is gone, and kills one that does not leave.
   * @throws {Fault} HOST_UNREACHABLE when it is still there after 5 s.
   */
  seeGone(server: ProcessIdentity): Promise<void>;
  /** Ends a server that cannot be told. @throws {Fault} HOST_UNREACHABLE as {@link seeGone}. */
  end(server: ProcessIdentity): Promise<void>;
}

export interface OwnServerOptions {
  readonly socket: string;
  /** Must not throw for a process that is gone. */
  readonly identify: (pid: number) => ProcessIdentity | null;
  readonly unreachable: (reason: string) => Fault;
}

const GONE_MS = 5_000;
/** How long a server may take to leave by itself. */
const LEAVES_MS = 1_500;
/** How long it may take to make its socket; where it cannot, it never does. */
const MENDED_MS = 500;
const POLL_MS = 5;

export function ownServer({ socket, identify, unreachable }: OwnServerOptions): OwnServer {
  let known: ProcessIdentity | null = null;

  const lives = ({ pid, startTicks }: ProcessIdentity): boolean =>
    identify(pid)?.startTicks === startTicks;
  const alive = (): ProcessIdentity | null => (known !== null && lives(known) ? known : null);

  /** Only to a process whose identity has just been looked at. */
  function signal(server: ProcessIdentity, name: NodeJS.Signals): void {
    if (!lives(server)) return;
    try {
      process.kill(server.pid, name);
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }

  /**
   * A session started while the old server still leaves fails ("server exited unexpectedly").
   * A server waits for its clients; one that hangs (its daemon was killed while it connected)
   * would make it wait for ever, so a server that has been told to leave and does not is killed.
   */
  async function seeGone(server: ProcessIdentity): Promise<void> {
    const begun = performance.now();
    let isKilled = false;
    while (lives(server)) {
      const waited = performance.now() - begun;
      if (waited > GONE_MS) throw unreachable("the server did not leave");
      if (waited > LEAVES_MS && !isKilled) {
        signal(server, "SIGKILL");
        isKilled = true;
      }
      await sleep(POLL_MS);
    }
  }

  return {
    note(pid) {
      if (known?.pid !== pid || !lives(known)) known = identify(pid);
    },
    alive,
    async mend() {
      if (known === null || isThere(socket)) return;
      const server = alive();
      if (server === null) return;
      signal(server, "SIGUSR1");
      const begun = performance.now();
      while (!isThere(socket) && performance.now() - begun < MENDED_MS) await sleep(POLL_MS);
    },
    seeGone,
    async end(server) {
      signal(server, "SIGTERM");
      await seeGone(server);
    },
  };
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    // What cannot be looked at is not gone.
    return errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR";
  }
}
