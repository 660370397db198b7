/** How answers look to people: pure functions from an answer to lines. */
import type {
  DoctorAnswer,
  HealthAnswer,
  LedgerAnswer,
  SweepAnswer,
  TasksAnswer,
} from "../../contract/api.ts";
import type { SearchAnswer } from "../../contract/tools.ts";
import type {
  AgentView,
  Cleanup,
  Receipt,
  TaskBudget,
  TerminalStatus,
} from "../../contract/agent.ts";
import type { DiskFileSystem, DiskSummary } from "../../contract/disk.ts";
import type { OrphansAnswer } from "../../contract/orphans.ts";
import { counted, humanBytes, humanDuration, SECOND_MS } from "../../kernel/units.ts";
import { dollars, humanTokens } from "../../tasks/budget.ts";
import { harmless, paint, toneOfCleanup, toneOfStatus } from "./paint.ts";
import { table } from "./table.ts";
import type { TableStyle } from "./table.ts";

/**
 * Written out here because the contract's own list comes with its schemas, which would
 * cost every `corral ps` the time to load them. A test holds the two together.
 */
const ENDED: readonly string[] = [
  "completed",
  "failed",
  "killed",
  "timed_out",
  "lost",
] satisfies readonly TerminalStatus[];

/** True when the agent is settled. */
export function hasEnded(agent: Pick<AgentView, "status">): boolean {
  return ENDED.includes(agent.status);
}

/** A table of agents, as `corral ps` prints it. @param now  Milliseconds since the epoch. */
export function agentsTable(
  agents: readonly AgentView[],
  now: number,
  style: TableStyle,
): readonly string[] {
  const rows = agents.map((agent) => [
    agent.agent_id,
    agent.agent_type,
    { text: agent.status, tone: toneOfStatus(agent.status) },
    ageOf(agent, now),
    agent.disk_bytes === null ? "–" : humanBytes(agent.disk_bytes),
    spentText(agent.budget),
    { text: cleanupText(agent.cleanup), tone: toneOfCleanup(agent.cleanup) },
    reportedText(agent),
  ]);
  return table(
    ["AGENT", "TYPE", "STATUS", "AGE", "DISK", "SPENT", "CLEANUP", "REPORTED"],
    rows,
    style,
  );
}

/** What was told of tokens and cost: `"12.4 k, $0.31"`; a dash where nothing was. */
function spentText({ cost_usd: cost, tokens }: AgentView["budget"]): string {
  const words = [
    tokens.used === null ? null : humanTokens(tokens.used),
    cost.used === null || cost.used === 0 ? null : dollars(cost.used),
  ].filter((word) => word !== null);
  return words.join(", ") || "–";
}

/** A limit on what a task may spend, as far as it is used: `"12.4 k of 1.0 M tokens, $0.31 of $5.00"`. */
export function budgetText({ cost_usd: cost, tokens }: TaskBudget): string {
  const of = (used: string, limit: string | null): string =>
    limit === null ? used : `${used} of ${limit}`;
  const untold = cost.untold === 0 ? "" : ` (${counted(cost.untold, "agent")} told no cost)`;
  return `${of(humanTokens(tokens.used), tokens.limit === null ? null : humanTokens(tokens.limit))} tokens, ${of(dollars(cost.used), cost.limit === null ? null : dollars(cost.limit))}${untold}`;
}

/** How long it has run, or how long ago it was made while it has not: `"4 min 10 s"`. */
function ageOf(agent: AgentView, now: number): string {
  const from = Date.parse(agent.started_at ?? agent.created_at);
  const to = agent.ended_at === null ? now : Date.parse(agent.ended_at);
  return humanDuration(Math.max(0, to - from));
}

function reportedText({ reported }: AgentView): string {
  return reported === null ? "–" : `${reported.status} ${reported.progress} %: ${reported.message}`;
}

/** `"clean"`, `"stuck (2)"`, `"releasing (3 held)"`. */
export function cleanupText({ state, held, stuck }: Cleanup): string {
  if (state === "stuck") return `stuck (${stuck})`;
  if (state === "clean" || state === "none") return state;
  return `${state} (${held} held)`;
}

/** One sentence on how an agent ended: `"killed by SIGSEGV"`, `"exit code 3"`, its reason. */
export function endText(agent: AgentView): string {
  const how =
    agent.signal === null
      ? agent.exit_code === null
        ? null
        : `exit code ${agent.exit_code}`
      : agent.signal;
  const next = agent.resumed_as === null ? null : `went on as ${agent.resumed_as}`;
  return harmless([how, agent.reason, next].filter((part) => part !== null).join("; ") || "–");
}

/** What an owner's receipt says, a line per resource and per survivor. */
export function receiptTable(receipt: Receipt, style: TableStyle): readonly string[] {
  const rows = receipt.resources.map(({ kind, state, seen, locator }) => [
    kind,
    { text: state, tone: GONE.has(state) ? ("good" as const) : ("bad" as const) },
    seen ?? locator,
  ]);
  const survivors = receipt.survivors.map(
    ({ pid, name }) => `still alive: process ${pid} (${harmless(name)})`,
  );
  return [...table(["RESOURCE", "STATE", "HOW IT WAS SEEN"], rows, style), ...survivors];
}

const GONE: ReadonlySet<string> = new Set(["released", "retained"]);

/** Counts of many receipts, and the names of what is stuck. */
export interface ReceiptSummary {
  readonly released: number;
  readonly retained: number;
  /** A line per thing that is still there; empty when all is given back. */
  readonly stuck: readonly string[];
}

/** Adds receipts up. What is neither released nor retained is stuck, whatever its state is called. */
export function summarise(receipts: readonly Receipt[]): ReceiptSummary {
  const entries = receipts.flatMap((receipt) => receipt.resources);
  return {
    released: entries.filter(({ state }) => state === "released").length,
    retained: entries.filter(({ state }) => state === "retained").length,
    stuck: receipts.flatMap(stuckOf),
  };
}

function stuckOf({ owner, resources, survivors }: Receipt): readonly string[] {
  return [
    ...resources
      .filter(({ state }) => !GONE.has(state))
      .map(({ kind, locator, seen }) => `${owner}: ${kind} ${locator} (${seen ?? "not released"})`),
    ...survivors.map(({ pid, name }) => `${owner}: process ${pid} (${name}) is still alive`),
  ].map(harmless);
}

/** The tasks of `corral status` and `corral task list`. */
export function tasksTable(
  { tasks }: Pick<TasksAnswer, "tasks">,
  style: TableStyle,
): readonly string[] {
  const rows = tasks.map((task) => [
    task.task_id,
    task.priority,
    task.status,
    `${task.agents_live}/${task.agents}`,
    humanBytes(task.disk_bytes),
    spentText(task.budget),
    task.description,
  ]);
  return table(
    ["TASK", "PRIORITY", "STATUS", "LIVE/ALL", "DISK", "SPENT", "DESCRIPTION"],
    rows,
    style,
  );
}

/** What a search found: a line that says where, a line that says what. */
export function searchLines({ hits }: SearchAnswer, colour: boolean): readonly string[] {
  return hits.flatMap((hit) => [
    paint(
      `${hit.at}  ${hit.kind}  ${harmless(hit.what)}  ${hit.agent_id}  ${hit.task_id}`,
      "strong",
      colour,
    ),
    `  ${harmless(hit.excerpt)}`,
  ]);
}

/** The daemon in a few lines. @param now  Milliseconds since the epoch. */
export function healthLines(health: HealthAnswer, now: number): readonly string[] {
  const up = humanDuration(Math.max(0, now - Date.parse(health.started_at)));
  return [
    `corral ${health.version}, pid ${health.pid}, up ${up}`,
    `listens on ${health.url}, state in ${health.state_dir}`,
    `agents are held by ${health.containment}`,
    `${counted(health.agents_live, "live agent")}, ${counted(health.resources_held, "resource")} held`,
    ...(health.disk === null ? [] : [diskLine(health.disk)]),
    ...health.quotas.map(quotaLine),
  ];
}

/** `"claude (ANTHROPIC_API_KEY): no quota until 2026-…: usage limit reached"`. */
export function quotaLine(quota: HealthAnswer["quotas"][number]): string {
  const { credential, harness, message, named, state, trying, until } = quota;
  const when =
    state === "open"
      ? `no quota until ${until}${named ? "" : " (a guess)"}`
      : trying === null
        ? "its quota may be there again: the next deploy tries"
        : `${trying} tries whether its quota is there again`;
  return harmless(`${harness} (${credential}): ${when}: ${message}`);
}

function diskLine({ free_bytes, level, path, total_bytes, used_bytes }: DiskSummary): string {
  const room = `${humanBytes(free_bytes)} of ${humanBytes(total_bytes)} free`;
  const short = level === "fine" ? "" : ` on the disk of ${path}: below the floor "${level}"`;
  return `agents' files take ${humanBytes(used_bytes)}, ${room}${short}`;
}

/** The rows of the ledger. */
export function ledgerTable({ rows }: LedgerAnswer, style: TableStyle): readonly string[] {
  return table(
    ["ID", "OWNER", "KIND", "STATE", "LOCATOR", "SEEN"],
    rows.map((row) => [
      String(row.id),
      row.owner,
      row.kind,
      { text: row.state, tone: row.error === null ? null : "bad" },
      row.locator,
      row.error ?? row.seen ?? "–",
    ]),
    style,
  );
}

/** What a sweep found or did. */
export function sweepLines(answer: SweepAnswer, style: TableStyle): readonly string[] {
  const rows = answer.steps.map(({ kind, locator, owner, why, outcome, seen }) => [
    { text: outcome, tone: SWEEP_TONES[outcome] },
    kind,
    owner ?? "–",
    locator,
    seen === null ? why : `${why}; ${seen}`,
  ]);
  return [
    ...(rows.length === 0
      ? ["Nothing to release."]
      : table(["OUTCOME", "KIND", "OWNER", "LOCATOR", "WHY"], rows, style)),
    ...answer.unknown.map(
      (what) => `could not look at ${harmless(what)}; nothing there was touched`,
    ),
    ...(answer.applied || rows.length === 0
      ? []
      : [`Run corral sweep --apply --plan ${answer.plan_id} to release exactly these.`]),
  ];
}

const SWEEP_TONES = {
  planned: "busy",
  released: "good",
  stuck: "bad",
  changed: "busy",
  unknown: "bad",
} as const;

/** What other tools left running, and that it is only a list. */
export function orphanLines(answer: OrphansAnswer, style: TableStyle): readonly string[] {
  const rows = answer.orphans.map(({ pid, kind, what, age_s: ageS, tree, cwd, why, argv }) => [
    String(pid),
    kind,
    what,
    humanDuration(ageS * SECOND_MS),
    humanBytes(tree.memory_bytes),
    String(tree.processes),
    `${argv}; in ${cwd ?? "?"}; ${why}`,
  ]);
  const heading = ["PID", "KIND", "WHAT", "AGE", "MEMORY", "PROCESSES", "ARGV, FOLDER, WHY"];
  const own = answer.own === 0 ? [] : [`${answer.own} of Corral's own are left out.`];
  return [
    ...(rows.length === 0 ? ["No orphans of other tools."] : table(heading, rows, style)),
    ...own,
    ...(answer.best_effort === null ? [] : [`Best effort: ${answer.best_effort}.`]),
    ...(rows.length === 0 ? [] : ["Corral lists these and touches none of them."]),
  ];
}

function fileSystemLine({ floors, free_bytes, level, path, total_bytes }: DiskFileSystem): string {
  const below = (["warn", "refuse", "relieve", "stop"] as const)
    .map((name) => `${name} below ${humanBytes(floors[name])}`)
    .join(", ");
  return `  ${path}: ${humanBytes(free_bytes)} of ${humanBytes(total_bytes)} free (${level}); ${below}`;
}

/** The doctor's whole answer, problems last because the end is what is read. */
export function doctorLines(answer: DoctorAnswer, colour: boolean): readonly string[] {
  const mark = (good: boolean) => paint(good ? "yes" : "no ", good ? "good" : "bad", colour);
  const heading = (text: string) => paint(text, "strong", colour);
  return [
    `corral ${answer.version}, node ${answer.node}, ${answer.platform}, user ${answer.user}`,
    answer.daemon.running
      ? `daemon: pid ${answer.daemon.pid}, ${answer.daemon.url}`
      : "daemon: not running",
    `host: ${answer.host.kind}, ${answer.host.detail}`,
    heading("Containment"),
    ...answer.containment.map((it) => `  ${mark(it.available)} ${it.mechanism}: ${it.detail}`),
    heading("Harnesses"),
    ...answer.harnesses.flatMap((it) => [
      `  ${mark(it.found)} ${it.harness}: ${it.detail}`,
      ...(it.found ? it.limits.map((limit) => `        ${limit}`) : []),
    ]),
    heading("Paths"),
    ...answer.paths.map(
      (it) => `  ${it.name}: ${it.path} (${it.exists ? humanBytes(it.bytes) : "not there"})`,
    ),
    heading("Disk"),
    `  agents' files take ${humanBytes(answer.disk.used_bytes)}, the ballast ${humanBytes(answer.disk.ballast_bytes)}`,
    ...answer.disk.file_systems.map(fileSystemLine),
    heading("Problems"),
    ...(answer.problems.length === 0 ? ["  none"] : answer.problems.map((text) => `  ${text}`)),
  ].map((line) => line.trimEnd());
}
