/**
 * Inputs of agents as folders: a FIFO with names, and a file for each message; see "the agent's input" in
 * runner.sh. A name is shorter than PIPE_BUF, so it goes in whole or not at all, whoever else writes;
 * how long a message is does not matter.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf, isAbsence } from "../../kernel/fault.ts";
import type { AgentInputs, Passing } from "../../supervision/agent-input.ts";

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
/** As runner.sh calls them. */
const FOLDER = "input";
const NAMES = "names";
const END = "end";

const folderOf = (directory: string): string => join(directory, FOLDER);

/** Inputs on a real file system. */
export function agentInputs(): AgentInputs {
  return {
    folderOf,
    // Read and write: an open for writing alone would wait for a reader, for ever where there is none.
    endCommand: (directory) =>
      `/bin/sh -c '[ ! -p "$0" ] || printf "${END}\\n" 1<>"$0"' ${quoted(join(folderOf(directory), NAMES))}`,
    make(directory) {
      mkdirSync(folderOf(directory), { recursive: true, mode: OWNER_ONLY_FOLDER });
    },
    put(directory, id, line) {
      const state = passing(directory, id);
      if (state === "passed") return true;
      if (state === "absent") {
        const path = join(folderOf(directory), id);
        // Under its name it is whole: a daemon may die in the middle of a write.
        writeFileSync(`${path}.part`, line, { mode: OWNER_ONLY_FILE });
        renameSync(`${path}.part`, path);
      }
      return say(directory, id);
    },
    passing,
    isOpen(directory) {
      const names = openNames(directory);
      if (names === null) return false;
      closeSync(names);
      return true;
    },
    end(directory) {
      say(directory, END);
    },
  };
}

function passing(directory: string, id: string): Passing {
  try {
    return statSync(join(folderOf(directory), id)).size === 0 ? "passed" : "waits";
  } catch (error) {
    if (isAbsence(error)) return "absent";
    throw error;
  }
}

/** @returns false when nobody reads. */
function say(directory: string, name: string): boolean {
  const names = openNames(directory);
  if (names === null) return false;
  try {
    writeSync(names, `${name}\n`);
    return true;
  } catch (error) {
    // The reader went away between the two calls.
    if (errnoOf(error) === "EPIPE") return false;
    throw error;
  } finally {
    closeSync(names);
  }
}

/** A descriptor to write names to; null when there is no input, or no feeder reads it. */
function openNames(directory: string): number | null {
  const path = join(folderOf(directory), NAMES);
  try {
    // Where no FIFO could be made, whatever lies there is none of ours to write to.
    if (!statSync(path).isFIFO()) return null;
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENXIO" || isAbsence(error)) return null;
    throw error;
  }
}

/** For a shell: the path in single quotes. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
