/**
 * The version of an installed CLI: from its package, from its path, and only then from the program
 * itself, because some of them write into HOME and take seconds to say it.
 */
import { execFile } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** Folders above a program in which its package may be. */
const LEVELS = 5;
const ASK_MS = 5_000;
const VERSION = /\d+\.\d+\.\d+(?:[-+][\w.]+)?/;

/** @returns null when nothing tells it. Never throws; takes at most five seconds. */
export async function programVersion(path: string): Promise<string | null> {
  try {
    const real = realpathSync(path);
    return packageVersion(real) ?? VERSION.exec(real)?.[0] ?? (await ask(real));
  } catch {
    return null;
  }
}

function packageVersion(program: string): string | null {
  let folder = dirname(program);
  for (let level = 0; level < LEVELS; level += 1) {
    try {
      const text = readFileSync(join(folder, "package.json"), "utf8");
      const { version } = JSON.parse(text) as { readonly version?: unknown };
      if (typeof version === "string") return version;
    } catch {
      // Not the folder of a package; the one above may be.
    }
    folder = dirname(folder);
  }
  return null;
}

/** Without a home to write into, and without anybody to ask. */
async function ask(program: string): Promise<string | null> {
  const { stdout } = await promisify(execFile)(program, ["--version"], {
    timeout: ASK_MS,
    killSignal: "SIGKILL",
    env: { PATH: process.env["PATH"] ?? "", HOME: "/dev/null" },
    cwd: "/",
  });
  return VERSION.exec(stdout)?.[0] ?? null;
}
