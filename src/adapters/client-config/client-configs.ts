/** Clients' files: read through links, replaced as a whole, and what they were kept beside our state. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf, Fault, isAbsence } from "../../kernel/fault.ts";
import type { ClientConfigs, ClientFile, InstallRecord } from "../../surface/cli/install/ports.ts";
import type { Launcher } from "../../harness/clients.ts";
import { jsoncEditor } from "./jsonc-editor.ts";
import { tomlEditor } from "./toml-editor.ts";

/** Larger ones are no configuration. */
const BYTES_MOST = 64 * 1_024 * 1_024;
const NEW_MODE = 0o600;
/** What `write` does, in this order; a test ends the process before each. */
export type WriteStep = "folder" | "temporary" | "rename";

export interface Where {
  readonly stateDir: string;
  readonly launcher: () => Launcher;
  /** Told before each step. */
  readonly onStep?: (step: WriteStep) => void;
}

export function clientConfigs({ launcher, onStep = () => {}, stateDir }: Where): ClientConfigs {
  const folder = join(stateDir, "installs");
  return {
    read: (candidates) => readFirst(candidates),
    write(file, text) {
      const now = readFirst([file.path]);
      if (now.text !== file.text || now.realPath !== file.realPath) {
        throw refused(file.path, "it has changed meanwhile", "Run the same command again.");
      }
      replace(file.realPath, text, onStep);
    },
    editor: (format) => (format === "toml" ? tomlEditor : jsoncEditor),
    recordPath: (client, scope, realPath) =>
      join(folder, `${client}-${scope}-${digest(realPath).slice(0, 12)}.json`),
    readRecord(path) {
      try {
        return JSON.parse(readFileSync(path, "utf8")) as InstallRecord;
      } catch (error) {
        if (isAbsence(error)) return null;
        throw error;
      }
    },
    writeRecord(path, record) {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      replace(path, `${JSON.stringify(record)}\n`, () => {});
    },
    removeRecord: (path) => rmSync(path, { force: true }),
    digest,
    launcher,
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function readFirst(candidates: readonly string[]): ClientFile {
  for (const path of candidates) {
    const file = readOne(path);
    if (file !== null) return file;
  }
  const [path = ""] = candidates;
  return { path, realPath: path, text: null };
}

function readOne(path: string): ClientFile | null {
  try {
    lstatSync(path);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw refused(path, `it cannot be looked at (${errnoOf(error) ?? "failed"})`);
  }
  let realPath: string;
  try {
    realPath = realpathSync(path);
  } catch (error) {
    throw refused(path, `it is a link that leads nowhere (${errnoOf(error) ?? "failed"})`);
  }
  const seen = statSync(realPath);
  if (!seen.isFile()) throw refused(path, "it is no plain file");
  if (seen.uid !== process.getuid?.()) throw refused(path, "it belongs to somebody else");
  if (seen.size > BYTES_MOST) throw refused(path, "it is larger than any configuration");
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { path, realPath, text: decoder.decode(readFileSync(realPath)) };
  } catch (error) {
    const errno = errnoOf(error);
    const isCoding = errno === undefined || errno.startsWith("ERR_");
    throw refused(path, isCoding ? "it is no UTF-8" : `it cannot be read (${errno})`);
  }
}

/** The old file or the new one, whenever we die. */
function replace(path: string, text: string | null, onStep: (step: WriteStep) => void): void {
  const folder = dirname(path);
  onStep("folder");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (text === null) {
    onStep("rename");
    rmSync(path, { force: true });
    syncFolder(folder);
    return;
  }
  // One name: what a death leaves behind is replaced by the next try.
  const temporary = join(folder, `.${basename(path)}.corral-new`);
  onStep("temporary");
  rmSync(temporary, { force: true });
  const handle = openSync(temporary, "wx", NEW_MODE);
  try {
    fchmodSync(handle, modeOf(path));
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  onStep("rename");
  renameSync(temporary, path);
  syncFolder(folder);
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return NEW_MODE;
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function refused(path: string, why: string, hint?: string): Fault {
  return new Fault("CLIENT_FILE_UNUSABLE", `"${path}" was left as it is: ${why}.`, {
    hint: hint ?? "Correct that, or add the entry by hand as docs/cli.md shows.",
    details: { why },
  });
}
