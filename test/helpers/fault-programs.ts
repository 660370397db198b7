/** Programs of tests that are started very often: bundled once in a run. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const NAMES = ["fault-migrator"] as const;
const BUILDER = join(import.meta.dirname, "build-programs.ts");
const BUILD_MS = 60_000;

/** Where they lie below the root of a run; the leak guard takes the folder away with the root. */
export const PROGRAMS_FOLDER = "programs";

/**
 * Absolute path of what to start; bundles it if no other file of this run has. Without a run's root
 * (`CORRAL_TEST_ROOT`) the source is the program.
 */
export async function programNamed(name: (typeof NAMES)[number]): Promise<string> {
  const root = process.env["CORRAL_TEST_ROOT"];
  if (root === undefined) return join(import.meta.dirname, `${name}.ts`);
  const programs = join(root, PROGRAMS_FOLDER, "made");
  if (!existsSync(programs)) await bundle(programs);
  return join(programs, `${name}.js`);
}

/** Whole under its name or not there: two files of a run may begin at the same time. */
async function bundle(programs: string): Promise<void> {
  mkdirSync(dirname(programs), { recursive: true });
  const making = mkdtempSync(join(dirname(programs), "making-"));
  await promisify(execFile)(process.execPath, [BUILDER, making, ...NAMES], { timeout: BUILD_MS });
  try {
    renameSync(making, programs);
  } catch (error) {
    rmSync(making, { recursive: true });
    if (!existsSync(programs)) throw error;
  }
}
