/** What works here, what does not, and what to do about it. */
import type { DoctorAnswer } from "../contract/api.ts";
import { HARNESSES, type HarnessName } from "../contract/agent.ts";
import type { DiskReport } from "../contract/disk.ts";
import { CAPABILITIES, hiddenLogin, loginSigns } from "../harness/capabilities.ts";
import { reportOf } from "./disk-report.ts";
import { diskAlert } from "./report-alerts.ts";
import { lookAtFileSystems } from "./file-systems.ts";
import type { QuotaView } from "../contract/quota.ts";
import { quotaViews } from "./quota.ts";
import type { Setting } from "./setting.ts";

/**
 * Looks at paths, host, containment and harnesses; changes nothing.
 * @param daemonPid  Null when no daemon runs and the caller looks for itself.
 * @param disk       What the watch over the disk saw last; absent: it is looked at here.
 */
export async function doctor(
  setting: Setting,
  daemonPid: number | null,
  disk?: DiskReport,
): Promise<DoctorAnswer> {
  const { files, containment, host, places } = setting;
  const levels = containment.levels();
  const seen = disk ?? (await diskNow(setting));
  const harnesses = await Promise.all(HARNESSES.map((name) => harnessLine(setting, name)));
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
    disk: seen,
    problems: [
      ...problemsOf(setting),
      ...quotaViews(setting).map(quotaProblem),
      ...seen.file_systems.flatMap(diskAlert),
      ...rotationProblem(await setting.streams.canRotate()),
    ],
  };
}

function rotationProblem(probe: { readonly works: boolean; readonly detail: string }): string[] {
  if (probe.works) return [];
  return [
    `Streams are compressed only when their agents have ended: ${probe.detail}. A state directory on ext4, xfs or btrfs, and util-linux, let them be rotated before.`,
  ];
}

function quotaProblem({ credential, harness, message, named, until }: QuotaView): string {
  const guess = named ? "" : ", as a guess";
  return `${harness} (${credential}) has used up its quota until ${until}${guess} (${message}): deploys with it are refused; "corral quota reset ${harness}" lets the next one try.`;
}

type HarnessLine = DoctorAnswer["harnesses"][number];

async function harnessLine(setting: Setting, name: HarnessName): Promise<HarnessLine> {
  const { environment, files } = setting;
  const { installHint, login, program } = setting.harnessOf(name);
  const { limits, tested } = CAPABILITIES[name];
  const known = { harness: name, tested, limits: [...limits] };
  if (program === null) {
    const detail = "any program that you name";
    return { ...known, found: true, detail, version: null, login: "not_needed" };
  }
  const path = files.resolveProgram(program, environment["PATH"] ?? "", "/");
  const signs = loginSigns(name, environment);
  const isSeen =
    signs.variables.length > 0 || signs.files.some((file) => files.sizeOf(file) !== null);
  const hidden = hiddenLogin(name, setting.machine.platform);
  const seen = isSeen ? "seen" : hidden === null ? "not_seen" : "unknown";
  if (path === null) {
    return { ...known, found: false, detail: installHint, version: null, login: seen };
  }
  const version = await setting.versionOf(path);
  const about = version === null || version === tested ? "" : `; tests run ${tested}`;
  const none = hidden === null ? "no login seen" : `no login seen, unless it is in ${hidden}`;
  const hint = isSeen ? "a login is there" : `${none}: ${login}`;
  const detail = `${path}, version ${version ?? "unknown"}${about}; ${hint}`;
  return { ...known, found: true, detail, version, login: seen };
}

async function diskNow(setting: Setting): Promise<DiskReport> {
  const { levels } = await lookAtFileSystems(setting, [setting.places.stateDir], new Map());
  return reportOf(setting, [...levels.values()]);
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
