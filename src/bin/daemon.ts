/**
 * The daemon: lock → store → containment and hosts → listeners → restore → serve until told to go.
 *
 * TERM, INT   end the agents, release everything, leave
 * QUIT        leave and keep the agents: the next daemon takes them over
 * HUP         read the settings again
 */
import { asFault, faultToWire, messageOf } from "../kernel/fault.ts";
import { formRedactor } from "../output/redact.ts";
import { exitCodeOf } from "../surface/cli/exit-codes.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { compose, type Composed, type ComposeOptions } from "./compose.ts";
import type * as Serving from "./serving.ts";
import { VERSION } from "./version.ts";

/**
 * Runs the daemon until it is told to leave.
 * @returns the exit code of the process.
 */
export async function runDaemon(
  paths: StatePaths,
  env: PathEnvironment,
  wrap?: ComposeOptions["wrap"],
): Promise<number> {
  const umask = process.umask(0o077);
  let composed: Composed;
  let serving: typeof Serving;
  try {
    const composing = compose({
      paths,
      env,
      version: VERSION,
      umask,
      ...(wrap === undefined ? {} : { wrap }),
    });
    // What serving needs is loaded while the probes' processes run.
    [composed, serving] = await Promise.all([composing, import("./serving.ts")]);
  } catch (error) {
    return sayWhyNot(error);
  }
  try {
    composed.holdDaemonResources();
    await serving.serveUntilLeft(composed, paths);
    return 0;
  } catch (error) {
    return sayWhyNot(error);
  } finally {
    composed.close();
  }
}

/** One line for people and programs alike: nobody may be listening to the log yet. */
function sayWhyNot(error: unknown): number {
  const fault = asFault(error);
  const cause = fault.code === "INTERNAL" ? { cause: messageOf(error) } : {};
  process.stderr.write(
    `${formRedactor().text(JSON.stringify({ level: "error", event: "daemon.failed", ...faultToWire(fault), ...cause }))}\n`,
  );
  return exitCodeOf(fault.exit);
}
