/**
 * Looks whether the files that a daemon is found by, and keeps its records in, are still its own.
 * Somebody may delete them under it: a cleaner of temporary files, a runtime directory that goes
 * with its user's last login, a state directory that is removed or moved to begin anew.
 *
 *   database gone or another   nobody can ever find what we run: everything is ended and given back
 *   lock gone                  taken again; when another daemon was faster, agents are left to it
 *   socket gone                made again, so that clients find us
 *
 * What cannot be looked at is not gone.
 */
import { asFault, messageOf } from "../kernel/fault.ts";
import { SECOND_MS } from "../kernel/units.ts";
import type { Setting } from "./setting.ts";

/** Paths that the daemon holds open, and how it gets back what can be got back. */
export interface Home {
  readonly database: string;
  readonly lock: string;
  readonly socket: string;
  /** Takes the state lock at its path again; false when another process has it. May throw. */
  readonly relock: () => boolean;
  /** Makes the socket again. May throw. */
  readonly listenAgain: () => Promise<void>;
}

/** Why the daemon cannot stay: its records are gone, or belong to another daemon now. */
export type HomeLoss = "deleted" | "taken";

/** An owner of two state directories at once would be worse than these three looks are dear. */
const LOOK_MS = 2 * SECOND_MS;
/** A file that is put back at once (by a restore, say) is no loss. */
const LOOKS_TO_LOSE = 2;

/**
 * Begins to look; what is there now is taken for ours.
 *
 * @param onLost  Called once; nothing is looked at any more then.
 * @returns the way to stop.
 */
export function watchHome(
  { files, timers, log }: Pick<Setting, "files" | "timers" | "log">,
  home: Home,
  onLost: (loss: HomeLoss) => void,
): () => void {
  const { identityOf } = files;
  const database = identityOf(home.database);
  let lock = identityOf(home.lock);
  let socket = identityOf(home.socket);
  let looksLost = 0;
  let complaint = "";
  let isStopped = false;
  let cancel = (): void => undefined;

  const look = async (): Promise<HomeLoss | null> => {
    looksLost = identityOf(home.database) === database ? 0 : looksLost + 1;
    if (looksLost >= LOOKS_TO_LOSE) return "deleted";
    // What lies beside it now may be another daemon's.
    if (looksLost > 0) return null;
    if (identityOf(home.lock) !== lock) {
      if (!home.relock()) return "taken";
      lock = identityOf(home.lock);
      log.warn("home.lock_renewed", { path: home.lock });
    }
    if (identityOf(home.socket) !== socket) {
      await home.listenAgain();
      socket = identityOf(home.socket);
      log.warn("home.socket_renewed", { path: home.socket });
    }
    return null;
  };

  const turn = async (): Promise<void> => {
    try {
      const loss = await look();
      if (loss !== null && !isStopped) {
        isStopped = true;
        log.error("home.lost", { loss, database: home.database });
        onLost(loss);
      }
      complaint = "";
    } catch (error) {
      const cause = messageOf(error);
      if (cause !== complaint) log.warn("home.not_seen", { code: asFault(error).code, cause });
      complaint = cause;
    }
  };

  const next = (): void => {
    if (isStopped) return;
    cancel = timers.after(LOOK_MS, () => void turn().finally(next));
  };
  next();
  return () => {
    isStopped = true;
    cancel();
  };
}
