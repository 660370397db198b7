/**
 * The settings of a daemon: defaults, then `config.json` in the state directory, then
 * CORRAL_* variables of the daemon's environment. docs/configuration.md lists exactly these;
 * a test compares the two.
 */
import { z } from "zod";
import { OnDaemonGone } from "../contract/agent.ts";
import { Fault } from "../kernel/fault.ts";
import { DAY_MS, GIB, KIB, MIB, MINUTE_MS, SECOND_MS } from "../kernel/units.ts";
import { type DiskLevel, type Floors, parseFloor } from "../output/disk-floors.ts";
import { LIMIT_SETTINGS } from "./limit-settings.ts";
import { MONITORING_SETTINGS } from "./monitoring-settings.ts";
import { count, floor, jsonList, ms, setting, upTo } from "./setting-kinds.ts";

/** A variable holds "keep" or the seconds. */
function onDaemonGoneFromText(given: unknown): unknown {
  return typeof given === "string" && /^\d+$/.test(given) ? { stop_after_s: Number(given) } : given;
}

/** Every setting by its name in `config.json`; the variable is `CORRAL_` + the name in capitals. */
export const SETTINGS = {
  ...LIMIT_SETTINGS,
  disk_warn_free: setting(
    floor,
    "20%,10GiB",
    "Free space of a disk below which it is told: a share, a size, or the smaller of both; 0 for none.",
  ),
  disk_admit_free: setting(
    floor,
    "15%,5GiB",
    "Free space of a disk below which no agent is admitted that would write to it.",
  ),
  disk_relief_free: setting(
    floor,
    "12%,3GiB",
    "Free space of a disk below which what is kept of ended agents is compressed and pruned.",
  ),
  disk_stop_free: setting(
    floor,
    "10%,2GiB",
    "Free space of a disk below which the agent that writes most is stopped.",
  ),
  disk_look_ms: setting(
    count(600_000),
    5 * SECOND_MS,
    "Milliseconds between two looks at free space and at what agents take; a second at most while space is short.",
  ),
  ballast_mb: setting(
    z.coerce.number().int().min(0).max(4_096),
    32,
    "MiB of the state directory's disk that are kept for the records of a full disk; 0 for none, a sixteenth of the disk at most.",
  ),
  wall_clock_s: setting(
    count(7 * 86_400),
    86_400,
    "Seconds that an agent may run before it is stopped and settled timed_out.",
  ),
  on_daemon_gone: setting(
    z.preprocess(onDaemonGoneFromText, OnDaemonGone),
    "keep",
    'What a runner does when its daemon is gone and none comes back: keep the agent, or stop it after so many seconds ({"stop_after_s": n}; as a variable: the number).',
  ),
  grace_ms: setting(
    ms(600_000),
    10 * SECOND_MS,
    "Milliseconds between INT and TERM when an agent is stopped.",
  ),
  term_ms: setting(ms(600_000), 5 * SECOND_MS, "Milliseconds between TERM and KILL."),
  leftover_ms: setting(
    ms(60_000),
    2 * SECOND_MS,
    "Milliseconds between TERM and KILL for what an agent left behind when it ended by itself.",
  ),
  linger_ms: setting(
    ms(600_000),
    30 * SECOND_MS,
    "Milliseconds an agent may go on after it claimed completion before it is stopped.",
  ),
  result_grace_ms: setting(
    ms(3_600_000),
    30 * SECOND_MS,
    "Milliseconds an agent may take to leave after its result before it is stopped, still a success; 0: for ever.",
  ),
  stop_auth_failed_ms: setting(
    ms(DAY_MS),
    20 * SECOND_MS,
    "Milliseconds for which an agent may go on trying with a refused login before it is stopped; 0: for ever.",
  ),
  stop_rate_limited_ms: setting(
    ms(DAY_MS),
    900 * SECOND_MS,
    "Milliseconds for which an agent may go on trying against a rate limit before it is stopped; 0: for ever.",
  ),
  stop_overloaded_ms: setting(
    ms(DAY_MS),
    900 * SECOND_MS,
    "Milliseconds for which an agent may go on trying with an overloaded provider before it is stopped; 0: for ever.",
  ),
  stop_no_answer_ms: setting(
    ms(DAY_MS),
    600 * SECOND_MS,
    "Milliseconds for which an agent may go on without an answer of its model before it is stopped; 0: for ever.",
  ),
  no_answer_ms: setting(
    ms(DAY_MS),
    180 * SECOND_MS,
    "Milliseconds of silence, with nothing done meanwhile, after which an agent counts as without an answer; 0: never.",
  ),
  idle_ms: setting(
    ms(DAY_MS),
    0,
    "Milliseconds without a word, an open tool call, CPU or IO after which an agent is stopped; 0: never.",
  ),
  quota_wait_ms: setting(
    ms(31 * DAY_MS),
    DAY_MS,
    "Milliseconds for which a deploy with on_quota wait may be queued; one that would wait longer is refused.",
  ),
  start_deadline_ms: setting(
    count(120_000),
    10 * SECOND_MS,
    "Milliseconds in which a deployed agent must have been started.",
  ),
  shutdown_ms: setting(
    ms(600_000),
    20 * SECOND_MS,
    "Milliseconds in which all agents are stopped when the daemon ends them; longer graces shrink to it.",
  ),
  resync_ms: setting(
    count(600_000),
    30 * SECOND_MS,
    "Milliseconds between two looks at an agent when no event asks for one.",
  ),
  sweep_ms: setting(count(86_400_000), 300 * SECOND_MS, "Milliseconds between two sweeps."),
  retention_ms: setting(
    ms(3_650 * DAY_MS),
    14 * DAY_MS,
    "Milliseconds for which the logs of a settled agent are kept.",
  ),
  retention_bytes: setting(
    upTo(Number.MAX_SAFE_INTEGER),
    10 * GIB,
    "Bytes that all archives together may take; the oldest are deleted beyond it; 0 is without limit.",
  ),
  retention_task_bytes: setting(
    upTo(Number.MAX_SAFE_INTEGER),
    0,
    "Bytes that the archives of one task may take; the oldest are deleted beyond it; 0 is without limit.",
  ),
  archive_after_ms: setting(
    ms(3_650 * DAY_MS),
    10 * MINUTE_MS,
    "Milliseconds after its release for which an agent's files stay as they are before they are archived.",
  ),
  segment_bytes: setting(
    z.coerce
      .number()
      .int()
      .min(64 * KIB)
      .max(GIB),
    64 * MIB,
    "Bytes of a running agent's stream that are compressed at a time, once so many are not.",
  ),
  record_retention_ms: setting(
    ms(3_650 * DAY_MS),
    90 * DAY_MS,
    "Milliseconds for which ledger rows, reports, findings and results of a settled agent are kept; then only its outcome is.",
  ),
  outcomes_kept: setting(
    z.coerce.number().int().min(0).max(10_000_000),
    100_000,
    "Past agents whose outcome stays in the store when their records are gone; the oldest beyond are deleted.",
  ),
  events_kept: setting(
    z.coerce.number().int().min(1_000).max(10_000_000),
    100_000,
    "Events that stay in the store; the oldest beyond are deleted.",
  ),
  ...MONITORING_SETTINGS,
  validation_mode: setting(
    z.enum(["warn", "strict"]),
    "warn",
    "What a claimed completion with blockers gets: a record (warn) or a refusal (strict).",
  ),
  host: setting(
    z.enum(["auto", "tmux", "process"]),
    "auto",
    "Where agents live: tmux sessions, detached processes, or tmux when it is installed (auto).",
  ),
  containment: setting(
    z.enum(["auto", "watermark", "pidns"]),
    "auto",
    "auto: every mechanism that works here; watermark: no control groups; pidns: as auto, each agent in a PID namespace of its own.",
  ),
  http_port: setting(
    z.coerce.number().int().min(0).max(65_535),
    0,
    "Loopback port; 0 chooses a free one at the first start and keeps it.",
  ),
  redact_patterns: setting(
    z.preprocess(jsonList, z.array(z.string().min(1).max(500)).max(100)),
    [],
    "Regular expressions for what never goes out, beside the built-in ones; a group named secret is the part to mask.",
  ),
  env_allow: setting(
    z.preprocess(
      (value) => (typeof value === "string" ? value.split(",").filter(Boolean) : value),
      z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*\*?$/)),
    ),
    [],
    "Further variables that agents take over from the daemon's environment; a trailing * is a prefix.",
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Configuration = {
  readonly [N in SettingName]: z.output<(typeof SETTINGS)[N]["schema"]>;
};

/** Which setting is the floor of a level. */
export const FLOOR_SETTINGS = {
  warn: "disk_warn_free",
  refuse: "disk_admit_free",
  relieve: "disk_relief_free",
  stop: "disk_stop_free",
} as const satisfies Record<Exclude<DiskLevel, "fine">, SettingName>;

/** The floors in force. */
export function floorsOf(configuration: Configuration): Floors {
  const { warn, refuse, relieve, stop } = FLOOR_SETTINGS;
  return {
    warn: parseFloor(configuration[warn]),
    refuse: parseFloor(configuration[refuse]),
    relieve: parseFloor(configuration[relieve]),
    stop: parseFloor(configuration[stop]),
  };
}

/** The environment variable of a setting: `grace_ms` → `CORRAL_GRACE_MS`. */
export function variableOf(name: SettingName): string {
  return `CORRAL_${name.toUpperCase()}`;
}

/**
 * Works out the settings in force.
 *
 * @param file  Parsed `config.json`; `{}` when there is none.
 * @param env   The daemon's environment.
 * @throws {Fault} CONFIG_INVALID naming the setting, its value, where it came from and what is allowed.
 */
export function readConfiguration(
  file: unknown,
  env: Readonly<Record<string, string | undefined>>,
): Configuration {
  const fromFile = z.record(z.string(), z.unknown()).safeParse(file);
  if (!fromFile.success) {
    throw invalid("config.json", "is not a JSON object");
  }
  for (const name of Object.keys(fromFile.data)) {
    if (!(name in SETTINGS)) throw invalid(`config.json: "${name}"`, "is no setting");
  }
  const entries = (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const variable = variableOf(name);
    const fromEnv = env[variable];
    const source = fromEnv === undefined ? `config.json: "${name}"` : variable;
    const given = fromEnv ?? fromFile.data[name];
    return [name, given === undefined ? SETTINGS[name].fallback : parse(name, given, source)];
  });
  return Object.fromEntries(entries) as Configuration;
}

/** Who has set a setting; the environment wins over `config.json`. */
export type SettingSource = "default" | "file" | "environment";

/** Where each setting in force came from; takes what {@link readConfiguration} has accepted. */
export function settingSources(
  file: unknown,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<SettingName, SettingSource>> {
  const inFile = z.record(z.string(), z.unknown()).parse(file);
  const sourceOf = (name: SettingName): SettingSource => {
    if (env[variableOf(name)] !== undefined) return "environment";
    return inFile[name] === undefined ? "default" : "file";
  };
  const names = Object.keys(SETTINGS) as SettingName[];
  return Object.fromEntries(names.map((name) => [name, sourceOf(name)])) as Record<
    SettingName,
    SettingSource
  >;
}

function parse(name: SettingName, given: unknown, source: string): unknown {
  const parsed = SETTINGS[name].schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0]?.message ?? "is not allowed";
  throw invalid(`${source} = ${JSON.stringify(given)}`, problem);
}

function invalid(where: string, problem: string): Fault {
  return new Fault("CONFIG_INVALID", `${where}: ${problem}.`, {
    hint: "Correct the setting as docs/configuration.md says, then start the daemon again.",
  });
}
