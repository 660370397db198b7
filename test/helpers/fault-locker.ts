/**
 * Takes and gives back a state lock, over and over, and writes down when it held it:
 * node fault-locker.ts LOCK SHARED TIMES. SHARED is a file that only an owner may write:
 * an owner that finds another's live pid in it has seen two owners.
 *
 * Prints one line per acquisition, `owned` or `DOUBLE pid`; after TIMES it ends. It may be
 * killed at any moment, in the middle of an acquisition too.
 */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireStateLock } from "../../src/adapters/sqlite/state-lock.ts";
import { Fault, messageOf } from "../../src/kernel/fault.ts";

const DYING_MS = 100;
const [, , lockPath = "", shared = "", times = "1"] = process.argv;

for (let owned = 0; owned < Number(times);) {
  try {
    const lock = acquireStateLock(lockPath);
    const before = Number(readFileSync(shared, "utf8"));
    const isDouble = before !== 0 && before !== process.pid && (await staysAlive(before));
    writeFileSync(shared, String(process.pid));
    await sleep(Math.random() * 4);
    const after = Number(readFileSync(shared, "utf8"));
    say(isDouble || after !== process.pid ? `DOUBLE ${before} ${after}` : "owned");
    owned += 1;
    writeFileSync(shared, "0");
    lock.release();
  } catch (error) {
    if (!(error instanceof Fault && error.code === "STATE_LOCKED"))
      say(`FAILED ${messageOf(error)}`);
  }
  await sleep(Math.random() * 3);
}

/** Synchronously: a line that was printed was meant, even when a kill follows. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** The kernel drops the locks of a process that is being killed a moment before it counts as dead. */
async function staysAlive(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  await sleep(DYING_MS);
  return isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    // A killed owner is a zombie until its parent has seen it; it holds nothing.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
