/** The daemon's structured log: one JSON object a line on stderr, which `corral up` points at a file. */
import { copyFileSync, fstatSync, statSync, truncateSync, writeSync } from "node:fs";
import type { Clock, Log } from "../../kernel/ports.ts";
import { isoTime, MIB } from "../../kernel/units.ts";

const STDERR = 2;
const LOG_MOST_BYTES = 16 * MIB;
/** Lines between two looks at the size. */
const LOOK_EVERY = 1_000;

/**
 * A log on stderr. A reader that is gone or a full disk loses lines and nothing else.
 *
 * @param redact  Takes the secrets out of a line of JSON, which stays JSON.
 * @param file    When stderr is this file, it is kept below 16 MiB: what was written moves to `<file>.1`.
 */
export function daemonLog(
  clock: Clock,
  file: string,
  redact: (line: string) => string = (line) => line,
): Log {
  let lines = 0;
  const write = (level: string, event: string, facts: object = {}): void => {
    try {
      if (lines % LOOK_EVERY === 0) rotate(file);
      lines += 1;
      writeSync(
        STDERR,
        `${redact(JSON.stringify({ at: isoTime(clock.now()), level, event, ...facts }))}\n`,
      );
    } catch {
      // The log must never be the reason why an agent is not stopped.
    }
  };
  return {
    info: (event, facts) => write("info", event, facts),
    warn: (event, facts) => write("warn", event, facts),
    error: (event, facts) => write("error", event, facts),
  };
}

/** We are the only writer and write synchronously, so copying and truncating loses nothing. */
function rotate(file: string): void {
  const ours = fstatSync(STDERR);
  if (!ours.isFile() || ours.size < LOG_MOST_BYTES) return;
  const named = statSync(file);
  if (named.ino !== ours.ino || named.dev !== ours.dev) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file, 0);
}
