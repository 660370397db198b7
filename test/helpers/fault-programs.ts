/** Programs of tests that are started very often: bundled once in a run, and compiled once. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const NAMES = ["fault-daemon", "fault-migrator"] as const;
const BUILDER = join(import.meta.dirname, "build-programs.ts");
const BUILD_MS = 60_000;

/** Where they lie below the root of a run; the leak guard takes the folder away with the root. */
export const PROGRAMS_FOLDER = "programs";

export interface Program {
  /** Absolute path of what to start. */
  readonly path: string;
  /** Folder for what was compiled, common to all starts of a run. */
  readonly compileCache: string;
  /** Who has just bundled it may fill the cache: a daemon that is killed writes nothing down. */
  readonly isNew: boolean;
}

/**
 * Bundles them if no other file of this run has. Without a run's root (`CORRAL_TEST_ROOT`) the sources are the program.
 *
 * @param folder  Of a world of the test's own, for the cache when there is no root.
 */
export async function programNamed(name: (typeof NAMES)[number], folder: string): Promise<Program> {
  const root = process.env["CORRAL_TEST_ROOT"];
  if (root === undefined) {
    return {
      path: join(import.meta.dirname, `${name}.ts`),
      compileCache: join(folder, "cache"),
      isNew: false,
    };
  }
  const programs = join(root, PROGRAMS_FOLDER, "made");
  const isNew = !existsSync(programs) && (await bundle(programs));
  return { path: join(programs, `${name}.js`), compileCache: join(programs, "cache"), isNew };
}

/** Whole under its name or not there: two files of a run may begin at the same time. @returns whether it was us. */
async function bundle(programs: string): Promise<boolean> {
  mkdirSync(dirname(programs), { recursive: true });
  const making = mkdtempSync(join(dirname(programs), "making-"));
  await promisify(execFile)(process.execPath, [BUILDER, making, ...NAMES], { timeout: BUILD_MS });
  try {
    renameSync(making, programs);
    return true;
  } catch (error) {
    rmSync(making, { recursive: true });
    if (!existsSync(programs)) throw error;
    return false;
  }
}
