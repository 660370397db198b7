/** What runners write down, read back from an agent's directory. A record that is not whole is not there yet. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAbsence } from "../../kernel/fault.ts";
import { parseExit, parseStarted, RUNNER_FILES } from "../../runner/records.ts";
import type { ExitRecord } from "../../supervision/judge-end.ts";
import type { ProcessIdentity } from "../../supervision/ports.ts";

/** exit.json; null while there is none. Throws when it cannot be looked for. */
export function readExit(directory: string): ExitRecord | null {
  const path = `${directory}/${RUNNER_FILES.exit}`;
  // Hundreds are asked for that are not there: a look costs a tenth of an error.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return null;
  const text = textOf(path);
  const record = text === null ? null : parseExit(text);
  if (record === null) return null;
  const { code, signal, timedOut, daemonGone } = record;
  return { code, signal, timedOut, daemonGone, endedAt: writtenAt(path) ?? record.endedAt };
}

/** runner.json: the runner in its own words; null before it wrote it. */
export function readRunner(directory: string): ProcessIdentity | null {
  const text = textOf(join(directory, RUNNER_FILES.runner));
  return text === null ? null : parseStarted(text);
}

/** Deletes the room of records that a runner which is gone did not come to write; absent is fine. */
export function removeRunnerRooms(directory: string): void {
  const { clockRoom, exitRoom } = RUNNER_FILES;
  for (const name of [exitRoom, clockRoom]) {
    try {
      rmSync(join(directory, name));
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
}

/** True once started.json is whole. */
export function hasStarted(directory: string): boolean {
  const text = textOf(join(directory, RUNNER_FILES.started));
  return text !== null && parseStarted(text) !== null;
}

/** The record tells seconds; its file's time is finer. */
function writtenAt(path: string): number | null {
  try {
    return Math.round(statSync(path).mtimeMs);
  } catch {
    return null;
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** The last bytes of a file as text; "" when there is none or it cannot be read. */
export function tailOf(path: string, maxBytes: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, maxBytes);
    const bytes = Buffer.alloc(length);
    const read = readSync(file, bytes, 0, length, size - length);
    return bytes.toString("utf8", 0, read);
  } finally {
    closeSync(file);
  }
}
