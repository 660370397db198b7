/** The environment that an agent's program gets, and where that program lies. */
import { allowedEnv } from "../harness/env.ts";
import type { Harness, LaunchPlan } from "../harness/harness.ts";
import { Fault } from "../kernel/fault.ts";
import type { Setting } from "./setting.ts";

/** Where a program is looked for when neither the daemon nor the caller has a PATH. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * @param given  What the caller has said.
 * @returns      All of it: nothing is inherited.
 */
export function environmentOf(
  setting: Setting,
  launch: LaunchPlan,
  given: Readonly<Record<string, string>>,
  directory: string,
  cwd: string,
): Readonly<Record<string, string>> {
  const allow = [...launch.envAllow, ...setting.configuration().env_allow];
  return {
    PATH: DEFAULT_PATH,
    ...allowedEnv(allow, setting.environment),
    ...launch.env,
    ...given,
    ...launch.fixedEnv,
    PWD: cwd,
    TMPDIR: `${directory}/tmp`,
  };
}

/** Absolute. @throws {Fault} HARNESS_MISSING. */
export function programPath(
  setting: Setting,
  harness: Harness,
  launch: LaunchPlan,
  env: Readonly<Record<string, string>>,
  cwd: string,
): string {
  const [name = ""] = launch.argv;
  const found = setting.files.resolveProgram(name, env["PATH"] ?? DEFAULT_PATH, cwd);
  if (found !== null) return found;
  throw new Fault("HARNESS_MISSING", `The program "${name}" was not found in the agent's PATH.`, {
    hint: harness.installHint || "Give an absolute path, or a PATH in env that leads to it.",
    details: { program: name, harness: harness.name },
  });
}
