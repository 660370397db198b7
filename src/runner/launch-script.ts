/**
 * Writes launch.sh, the one file that starts one agent. Pure.
 *
 * Its head are the facts that the runner reads too; the rest is run by a shell of the agent's
 * own, which becomes the agent: streams → started.json → control groups → cwd → stdin → environment →
 * `exec prlimit … argv`. Nothing secret is ever an argument; the file is to be written 0600.
 *
 * With a PID namespace it is run twice. The first shell marks itself and becomes the `unshare`
 * that waits outside; the namespace's init is a shell that runs this file again, in the
 * foreground as the runner does, and reaps: an agent that were itself the init would be deaf to
 * every signal that it does not catch, TERM and INT among them.
 */
import { Fault } from "../kernel/fault.ts";
import type { ProcessSet } from "../supervision/ports.ts";
import { markOptions } from "./mark-options.ts";

export interface LaunchSpec {
  /** The agent's own directory; records and streams go there. Absolute. */
  readonly directory: string;
  readonly agentId: string;
  /** Directory in which a file of the agent's id is touched at its start and its end. Absolute. */
  readonly bellDirectory: string;
  /** Folder of the ballast, which the runner may empty to write its record; absent: there is none. Absolute. */
  readonly ballast?: string;
  readonly cwd: string;
  /** What to run; argv[0] is an absolute path. */
  readonly argv: readonly string[];
  /** The whole environment of the agent: nothing else is handed on. */
  readonly env: Readonly<Record<string, string>>;
  /** File that becomes stdin; null is /dev/null. With an input, the first that is read from it. */
  readonly stdinPath: string | null;
  /** Its input, where it has one that stays open for further messages; absent or null: none. */
  readonly input?: LaunchInput | null;
  readonly set: ProcessSet;
  /** Absolute path of prlimit; null leaves the agent without a mark. */
  readonly prlimit: string | null;
  /** RLIMIT_NPROC; null leaves it as it is. Processes and threads of the user. */
  readonly nproc: number | null;
  /** RLIMIT_NOFILE, soft and hard; absent or null leaves it as it is. */
  readonly openFiles?: number | null;
  /** RLIMIT_DATA, soft and hard; absent or null leaves it as it is. Bytes. */
  readonly dataBytes?: number | null;
  /** Niceness to add, 1 to 19; absent or null adds none. */
  readonly niceness?: number | null;
  /** File mode creation mask of the agent: the user's own, not ours. Absent leaves what was inherited. */
  readonly umask?: number;
  /** How long the agent may run. Whole seconds, > 0; null is without end. */
  readonly wallClockS: number | null;
  /** Absolute path of flock(1); absent or null leaves the runner without a lock of its own. */
  readonly flock?: string | null;
  /** When the runner is to end the agent because there is no daemon; absent or null is never. */
  readonly daemonGone?: DaemonGone | null;
}

export interface LaunchInput {
  /** Absolute. */
  readonly folder: string;
  /** When the runner is to close it because there is no daemon. */
  readonly daemonGone: DaemonGone;
}

export interface DaemonGone {
  /** The record that the daemon keeps of itself, with its lock on it. Absolute. */
  readonly aliveFile: string;
  /** How long there may be no daemon. Whole seconds, > 0. */
  readonly ttlS: number;
}

/** Exit code of a launch that ended before the agent's own program ran; stderr says why. */
export const LAUNCH_FAILED_CODE = 125;

/** How much sooner than its runner an agent is chosen when memory runs out; see proc(5). */
const OOM_STEP = 500;

/** Names that a shell cannot pass on: it keeps them read-only, or refuses most values. */
const SHELL_OWN: ReadonlySet<string> = new Set([
  "BASHOPTS",
  "EUID",
  "OPTIND",
  "PPID",
  "SHELLOPTS",
  "UID",
]);

/**
 * The text of launch.sh.
 *
 * @throws {Fault} INPUT_INVALID when a value holds a NUL, a name is no shell name, or argv[0] is
 *                 not absolute.
 */
export function launchScript(spec: LaunchSpec): string {
  if (spec.argv[0]?.startsWith("/") !== true) {
    throw invalid(`argv[0] "${spec.argv[0] ?? ""}" is not an absolute path`);
  }
  return `${head(spec)}${body(spec)}`;
}

/**
 * One word for sh that stands for exactly these characters, newlines included.
 * @throws {Fault} INPUT_INVALID for a NUL, which no argument and no variable can hold.
 */
export function shellQuote(text: string): string {
  if (text.includes("\0")) throw invalid("A value holds a NUL character");
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function head(spec: LaunchSpec): string {
  const { agentId, ballast, bellDirectory, daemonGone, directory, flock, set, wallClockS } = spec;
  const { input = null, stdinPath } = spec;
  const first = input === null ? null : stdinPath;
  return `#!/bin/sh
# Starts one agent; written by Corral, may hold secrets.
corral_agent=${shellQuote(agentId)}
corral_directory=${shellQuote(directory)}
corral_bell=${shellQuote(bellDirectory)}
corral_ballast=${shellQuote(ballast ?? "")}
corral_cgroup=${shellQuote(set.cgroup ?? "")}
corral_freezer=${shellQuote(set.freezer ?? "")}
corral_soft=${set.mark?.soft ?? ""}
corral_hard=${set.mark?.hard ?? ""}
corral_seal=${set.mark?.seal ?? ""}
corral_wall_clock_s=${wallClockS === null ? "" : Math.ceil(wallClockS)}
corral_flock=${shellQuote(flock ?? "")}
corral_alive=${shellQuote((daemonGone ?? input?.daemonGone)?.aliveFile ?? "")}
corral_daemon_ttl_s=${daemonGone?.ttlS ?? ""}
corral_input=${shellQuote(first === null ? "" : (input?.folder ?? ""))}
corral_first=${shellQuote(first ?? "")}
corral_input_ttl_s=${first === null ? "" : (input?.daemonGone.ttlS ?? "")}
corral_umask=${umaskOf(spec) ?? ""}
if [ -n "\${corral_reading-}" ]; then return 0; fi

`;
}

function umaskOf({ umask }: LaunchSpec): string | undefined {
  return umask?.toString(8).padStart(4, "0");
}

function body(spec: LaunchSpec): string {
  const { cwd, env, stdinPath } = spec;
  const outside = [
    RECORD_START,
    ...joinGroups(spec.set),
    OFFER_TO_OOM,
    ...(typeof spec.niceness === "number" ? [beNice(spec.niceness)] : []),
  ];
  return [
    // The streams are opened by append, straight to the files: nobody stands between.
    `exec </dev/null >>"$corral_directory/stream.jsonl" 2>>"$corral_directory/stderr.log"`,
    `fail() { printf 'corral: %s\\n' "$1" >&2; exit ${LAUNCH_FAILED_CODE}; }`,
    ...(isNamespaced(spec.set)
      ? ['if [ -z "${corral_inside-}" ]; then', ...outside, enterNamespace(spec), "fi"]
      : outside),
    `cd ${shellQuote(cwd)} 2>/dev/null || fail ${shellQuote(`the working directory ${cwd} cannot be entered`)}`,
    ...(stdinPath === null ? [] : [openStdin(stdinPath, spec.input?.folder ?? null)]),
    FORGET_ENVIRONMENT,
    ...Object.entries(env).map(exportLine),
    ...(spec.umask === undefined ? [] : [`umask ${umaskOf(spec)}`]),
    execLine(spec),
    "",
  ].join("\n");
}

/** Builtins only: a process here would cost each start a millisecond. */
const RECORD_START = `corral_ticks=null
if IFS= read -r corral_stat 2>/dev/null <"/proc/$$/stat"; then
  set -- \${corral_stat##*) }
  shift 19
  corral_ticks=$1
fi
printf '{"pid":%d,"start_ticks":%s}\\n' "$$" "$corral_ticks" 2>/dev/null >"$corral_directory/started.json" ||
  fail 'the agent directory cannot be written'
true 2>/dev/null >"$corral_bell/$corral_agent"`;

/** When memory runs out, an agent goes before whoever started it. What is refused changes nothing. */
const OFFER_TO_OOM = `if IFS= read -r corral_oom 2>/dev/null </proc/self/oom_score_adj; then
  corral_oom=$((corral_oom + ${OOM_STEP}))
  [ "$corral_oom" -le 1000 ] || corral_oom=1000
  { echo "$corral_oom" >/proc/self/oom_score_adj; } 2>/dev/null
fi`;

/**
 * By so much nicer than the daemon is. Without `-n`, which is the niceness itself with util-linux
 * and a step with busybox. Where sessions are scheduled as groups (sched(7), autogroup), a niceness
 * counts only inside of one.
 */
function beNice(by: number): string {
  return `renice "$(($(nice 2>/dev/null || echo 0) + ${by}))" -p $$ >/dev/null 2>&1
{ echo ${by} >/proc/self/autogroup; } 2>/dev/null`;
}

/**
 * The init's stderr is the runner's, where a shell leaves its word on a signal that ended its
 * foreground command; this file then opens the agent's again.
 */
const INIT = `exec 2>>"$1/runner.log"; /bin/sh "$1/launch.sh"; exit "$?"`;

function enterNamespace({ prlimit, set }: LaunchSpec): string {
  if (prlimit === null || set.mark === null) throw invalid("A PID namespace needs a marked set");
  const mark = [prlimit, ...markOptions(set.mark), "--"];
  const init = ["/bin/sh", "-c", INIT, "corral-init"];
  const words = [...mark, ...(set.pidNamespace ?? []), ...init].map(shellQuote).join(" ");
  return `export corral_inside=1\nexec ${words} "$corral_directory"`;
}

function isNamespaced({ pidNamespace }: ProcessSet): boolean {
  return pidNamespace !== undefined && pidNamespace !== null;
}

/**
 * The agent must never run uncontained: a join that fails ends the launch. The groups of limits
 * that were not asked for were not made.
 */
function joinGroups({
  cgroup,
  cpuCgroup,
  freezer,
  memoryCgroup,
  pidsCgroup,
}: ProcessSet): string[] {
  const isGiven = (group: string | null | undefined): group is string => typeof group === "string";
  return [
    ...[memoryCgroup, cpuCgroup].filter(isGiven).map(joinGroupIfThere),
    ...[pidsCgroup, freezer, cgroup].filter(isGiven).map(joinGroup),
  ];
}

function joinGroupIfThere(group: string): string {
  return `if [ -d ${shellQuote(group)} ]; then ${joinGroup(group)}; fi`;
}

/**
 * Unsets all that was inherited, whatever it is. A value may span lines and hold a line that
 * looks like a name; unsetting that name too does no harm here.
 */
const FORGET_ENVIRONMENT = `corral_names=$(export -p)
while IFS= read -r corral_line; do
  case $corral_line in "export "*) corral_line=\${corral_line#export } ;; *) continue ;; esac
  corral_line=\${corral_line%%=*}
  case $corral_line in "" | [0-9]* | *[!A-Za-z0-9_]* | ${[...SHELL_OWN].join(" | ")}) continue ;; esac
  unset "$corral_line"
done <<CORRAL_NAMES
$corral_names
CORRAL_NAMES`;

function joinGroup(group: string): string {
  const file = shellQuote(`${group}/cgroup.procs`);
  return `{ echo 0 >${file}; } 2>/dev/null || fail ${shellQuote(`the control group ${group} cannot be joined`)}`;
}

/** The runner has opened its input as 6; where it could make none, the prompt is all. */
function openStdin(path: string, input: string | null): string {
  const file = shellQuote(path);
  const check = `[ -r ${file} ] || fail ${shellQuote(`the input ${path} cannot be read`)}\n`;
  if (input === null) return `${check}exec <${file}`;
  const line = shellQuote(`${input}/line`);
  return `${check}if [ -p ${line} ]; then exec <&6 6<&- 8>&-; else exec <${file}; fi`;
}

function exportLine([name, value]: readonly [string, string]): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || SHELL_OWN.has(name)) {
    throw invalid(`The environment name "${name}" cannot be passed through a shell`);
  }
  return `export ${name}=${shellQuote(value)}`;
}

function execLine({ argv, dataBytes, nproc, openFiles, prlimit, set }: LaunchSpec): string {
  const limits = [
    ...(set.mark === null ? [] : markOptions(set.mark)),
    ...(nproc === null ? [] : [`--nproc=${nproc}`]),
    ...(openFiles === undefined || openFiles === null
      ? []
      : [`--nofile=${openFiles}:${openFiles}`]),
    ...(dataBytes === undefined || dataBytes === null ? [] : [`--data=${dataBytes}:${dataBytes}`]),
  ];
  if (prlimit === null && set.mark !== null) throw invalid("A marked set needs prlimit");
  const before = prlimit === null || limits.length === 0 ? [] : [prlimit, ...limits, "--"];
  return `exec ${[...before, ...argv].map(shellQuote).join(" ")}`;
}

function invalid(message: string): Fault {
  return new Fault("INPUT_INVALID", `${message}.`, {
    hint: "Correct the command, its environment or its directory, and deploy again.",
  });
}
