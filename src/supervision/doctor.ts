/** What works here, what does not, and what to do about it. */
import type { DoctorAnswer } from "../contract/api.ts";
import { HARNESSES } from "../contract/agent.ts";
import type { Setting } from "./setting.ts";

/**
 * Looks at paths, host, containment and harnesses; changes nothing.
 * @param daemonPid  Null when no daemon runs and the caller looks for itself.
 */
export async function doctor(setting: Setting, daemonPid: number | null): Promise<DoctorAnswer> {
  const { files, containment, host, places } = setting;
  const levels = containment.levels();
  const harnesses = HARNESSES.map((name) => harnessLine(setting, name));
  return {
    version: setting.version,
    ...setting.machine,
    user: setting.uid === 0 ? "root" : `uid ${setting.uid}`,
    daemon: {
      running: daemonPid !== null,
      pid: daemonPid,
      url: daemonPid === null ? null : setting.url(),
    },
    paths: places.named.map(({ name, path }) => {
      const bytes = files.sizeOf(path);
      return { name, path, bytes: bytes ?? 0, exists: bytes !== null };
    }),
    host: { kind: host.kind, detail: host.detail },
    containment: levels.map(({ mechanism, available, detail }) => ({
      mechanism,
      available,
      detail,
    })),
    harnesses,
    problems: problemsOf(setting),
  };
}

type HarnessLine = DoctorAnswer["harnesses"][number];

function harnessLine(setting: Setting, name: (typeof HARNESSES)[number]): HarnessLine {
  const { program, installHint } = setting.harnessOf(name);
  if (program === null) return { harness: name, found: true, detail: "any program that you name" };
  const path = setting.files.resolveProgram(program, setting.environment["PATH"] ?? "", "/");
  return path === null
    ? { harness: name, found: false, detail: installHint }
    : { harness: name, found: true, detail: path };
}

/** A harness that is not installed is none: its own line says how to install it. */
function problemsOf(setting: Setting): string[] {
  const levels = setting.containment.levels();
  const has = (mechanism: string): boolean =>
    levels.some((level) => level.mechanism === mechanism && level.available);
  const problems: string[] = [];
  if (setting.host.kind === "process" && setting.configuration().host !== "process") {
    problems.push(`Agents are not tmux sessions but ${setting.host.detail}`);
  }
  if (!has("watermark") && !has("cgroup2") && !has("freezer")) {
    problems.push(
      "Processes are found on a best effort only here: one that leaves its family between two looks can escape.",
    );
  }
  if (!has("pids-cgroup") && !has("nproc")) {
    problems.push("The number of an agent's processes cannot be limited here.");
  }
  if (!has("runner-lock")) {
    problems.push(
      "Nothing keeps a second runner from an agent's directory here: flock(1) is missing.",
    );
  }
  return problems;
}
