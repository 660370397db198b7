/**
 * How runners know, with no daemon to ask, whether there is one: a record of the daemon, and the
 * kernel's lock on it.
 *
 *   daemon.alive   "PID START_TICKS EPOCH", padded to one length and written at one blow
 *   flock(2)       held from before the record is written until the process ends, whatever ends it
 *
 * A runner that sees the lock free, or has no flock(1), reads the record: only a process that is
 * gone or another by now means that the daemon is. So a lock that could not be taken costs runners
 * a look now and then, and never an agent. The state lock (state-lock.ts) decides who may be the
 * daemon; this only shows that he lives. They are two files, because closing any file drops the
 * fcntl locks that SQLite holds on it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { ProcessIdentity } from "../../supervision/ports.ts";

/** Runners hold the lock for a moment each, when a daemon has died. */
const PATIENCE_S = 5;
/** Room for three numbers; a shorter record must not leave the end of a longer one. */
const RECORD_BYTES = 64;
const MODE = 0o600;

export interface SignOfLife {
  /** False where only the record tells: no flock(1), or the lock was not to be had. */
  readonly isLocked: boolean;
  /** Ends it before the process does. May be called twice. */
  end(): void;
}

/**
 * Shows that this process is the daemon, until it ends.
 *
 * @param path   The record; made when absent, on a local file system.
 * @param self   Who we are, and the epoch of this daemon.
 * @param flock  Absolute path of flock(1); null where there is none.
 * @throws what the file system says when the record cannot be written.
 */
export async function showLife(
  path: string,
  self: ProcessIdentity & { readonly epoch: number },
  flock: string | null,
): Promise<SignOfLife> {
  const record = openSync(path, constants.O_RDWR | constants.O_CREAT, MODE);
  try {
    const isLocked = flock !== null && (await lock(flock, record));
    const text = `${self.pid} ${self.startTicks} ${self.epoch}`.padEnd(RECORD_BYTES - 1);
    writeSync(record, `${text}\n`, 0);
    let isOpen = true;
    return {
      isLocked,
      end() {
        if (isOpen) closeSync(record);
        isOpen = false;
      },
    };
  } catch (error) {
    closeSync(record);
    throw error;
  }
}

/** The lock belongs to the open file, not to the process that asked for it: it stays when that ends. */
async function lock(flock: string, file: number): Promise<boolean> {
  const child = spawn(flock, ["-x", "-w", String(PATIENCE_S), "3"], {
    stdio: ["ignore", "ignore", "ignore", file],
  });
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return code === 0;
  } catch {
    return false; // it could not be started
  }
}
