/** The dashboard of a checkout: built when it is first asked for, and again when its sources have changed. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Fault, messageOf } from "../kernel/fault.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/build-web.js", import.meta.url));

/**
 * Sees that `dist/web` is of these sources; takes two seconds when it is not, and a tenth when it is.
 * The published package comes built and has no such script: nothing is done then.
 *
 * @throws {Fault} LAUNCH_FAILED with the build's own last words.
 */
export async function buildDashboard(): Promise<void> {
  if (!existsSync(SCRIPT)) return;
  try {
    await promisify(execFile)(process.execPath, [SCRIPT]);
  } catch (error) {
    const words = messageOf(error).trim().split("\n").slice(-3).join(" ").slice(-400);
    throw new Fault("LAUNCH_FAILED", `The dashboard could not be built: ${words}.`, {
      hint: 'Run "npm ci" in the checkout, then "npx corral open" again.',
      cause: error,
    });
  }
}
