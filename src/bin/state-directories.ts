/** The folders of a state directory, made for their owner alone. */
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import type { StatePaths } from "../surface/cli/state-paths.ts";

/**
 * Makes what is not there yet; may be called again.
 *
 * @throws {Fault} STATE_UNUSABLE when a folder cannot be made or is somebody else's.
 */
export function makeStateDirectories(paths: StatePaths): void {
  const { stateDir, runtimeDir, agentsDir, archiveDir, bellDir, workspaces } = paths;
  try {
    for (const path of [stateDir, runtimeDir, agentsDir, archiveDir, bellDir, workspaces]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
    for (const path of [stateDir, runtimeDir]) refuseForeign(path);
    chmodSync(stateDir, 0o700);
    chmodSync(runtimeDir, 0o700);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "INTERNAL") throw fault;
    throw new Fault("STATE_UNUSABLE", `The state directory cannot be used: ${messageOf(error)}.`, {
      hint: "Make it a writable directory of your own, or set CORRAL_STATE_DIR to another one.",
      cause: error,
    });
  }
}

/** A folder below /tmp that somebody else made, or a link to one, would hand him our sockets. */
function refuseForeign(path: string): void {
  const { uid } = lstatSync(path);
  const own = process.getuid?.() ?? uid;
  if (uid === own && !(path.startsWith("/tmp/") && lstatSync(path).isSymbolicLink())) return;
  throw new Fault("STATE_UNUSABLE", `"${path}" belongs to somebody else.`, {
    hint: "Set CORRAL_STATE_DIR to a directory of your own.",
  });
}
