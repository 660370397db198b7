/** The files of agents and tasks on a real file system. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { errnoOf, Fault, isAbsence, messageOf } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import type { AgentFiles, NewFile, NewLink } from "../../supervision/files.ts";
import { changedSince } from "./changed-since.ts";
import { copyFolder, hasFile } from "./session-files.ts";
import { appendToProjection, projectionEnd } from "./projection-file.ts";
import { hasStarted, readExit, readRunner, removeRunnerRooms, tailOf } from "./runner-records.ts";

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const USER_FILE_MAX_BYTES = MIB;
const GITIGNORE = "# Made by Corral: nothing in this folder belongs into a repository.\n*\n";

/** @param bells  Folder in which runners ring; made when absent. */
export function agentFiles(bells: string): AgentFiles {
  mkdirSync(bells, { recursive: true, mode: OWNER_ONLY_FOLDER });
  return {
    prepare,
    readUserFile,
    readExit,
    readRunner,
    removeRunnerRooms,
    hasStarted,
    stderrTail: (directory, maxBytes) => tailOf(join(directory, "stderr.log"), maxBytes),
    sizeOf,
    identityOf,
    remove,
    hasFile,
    copyFolder,
    link(path, target) {
      rmSync(path, { force: true });
      symlinkSync(target, path);
    },
    makeWorkspace,
    projectionEnd,
    appendLines: appendToProjection,
    onBell(listener) {
      const watcher = watch(bells, (_event, name) => {
        if (name !== null) listener(name);
      });
      // The resync finds what a broken watch misses.
      watcher.on("error", () => watcher.close());
      return () => watcher.close();
    },
    bellOf: (agentId) => join(bells, agentId),
    realFolder,
    resolveProgram,
    changedSince,
  };
}

function prepare(directory: string, files: readonly NewFile[], links: readonly NewLink[]): void {
  mkdirSync(join(directory, "tmp"), { recursive: true, mode: OWNER_ONLY_FOLDER });
  const place = (name: string): string => {
    const path = join(directory, name);
    if (name.includes("/")) mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY_FOLDER });
    return path;
  };
  for (const { name, text } of files) {
    // "wx": a name that is there already is not ours to overwrite.
    writeFileSync(place(name), text, { mode: OWNER_ONLY_FILE, flag: "wx" });
  }
  for (const { name, target } of links) {
    // A link to nothing would be written through, into the user's own home.
    if (existsSync(target)) symlinkSync(target, place(name));
  }
}

/** A user's file that cannot be read is one that the CLI would not have read either. */
function readUserFile(path: string): string | null {
  try {
    return statSync(path).size > USER_FILE_MAX_BYTES ? null : readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function sizeOf(path: string): number | null {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) return stats.size;
    // What goes away while it is being added up counts as nothing.
    return readdirSync(path).reduce((sum, name) => sum + (sizeOf(join(path, name)) ?? 0), 0);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function identityOf(path: string): string | null {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function remove(path: string): string {
  rmSync(path, { recursive: true, force: true });
  try {
    lstatSync(path);
  } catch (error) {
    if (isAbsence(error)) return "no such file";
    throw error;
  }
  throw new Fault("PROBE_FAILED", `${path} is still there after its removal.`, {
    hint: "Something writes to it; it is tried again by itself.",
  });
}

function makeWorkspace(path: string): void {
  for (const folder of ["agents", "progress", "findings", "archive"]) {
    mkdirSync(join(path, folder), { recursive: true, mode: OWNER_ONLY_FOLDER });
  }
  writeFileSync(join(path, ".gitignore"), GITIGNORE, { mode: OWNER_ONLY_FILE });
}

function realFolder(path: string, isWritten: boolean): string {
  if (!isAbsolute(path)) throw unusable(path, "it is not an absolute path");
  if (path.includes("\0")) throw unusable(path.replaceAll("\0", "�"), "it contains a NUL");
  try {
    const real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw unusable(path, "it is not a folder");
    accessSync(real, constants.X_OK | constants.R_OK | (isWritten ? constants.W_OK : 0));
    return real;
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw unusable(path, reasonOf(error), error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "a part of it is not a folder",
  EACCES: "it may not be entered or written to",
  EPERM: "it may not be entered or written to",
  EROFS: "its file system is read-only",
  ELOOP: "its symbolic links go round in a circle",
  ENAMETOOLONG: "it is too long",
};

function reasonOf(error: unknown): string {
  return REASONS[errnoOf(error) ?? ""] ?? messageOf(error);
}

function unusable(path: string, why: string, cause?: unknown): Fault {
  return new Fault("CWD_UNUSABLE", `The folder "${path.slice(0, 200)}" cannot be used: ${why}.`, {
    hint: "Give the absolute path of an existing folder that you may write to.",
    details: { path: path.slice(0, 200) },
    cause,
  });
}

function resolveProgram(name: string, searchPath: string, cwd: string): string | null {
  if (name === "" || name.includes("\0")) return null;
  if (name.includes("/")) return executable(isAbsolute(name) ? name : join(cwd, name));
  for (const folder of searchPath.split(":")) {
    // An empty entry means the working folder to a shell; a program found there by accident is none.
    if (!isAbsolute(folder)) continue;
    const found = executable(join(folder, name));
    if (found !== null) return found;
  }
  return null;
}

function executable(path: string): string | null {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? path : null;
  } catch {
    // Whatever keeps it from being run, it is no program for this agent.
    return null;
  }
}
