/** One agent in a few lines. Pure. */
import { counted, humanBytes, humanDuration } from "../../../kernel/units.ts";
import { cleanupText, endText, hasEnded } from "../views.ts";
import { cursorAt, rowsOf } from "./choose.ts";
import { begunAt, tokensOf } from "./columns.ts";
import type { Subject } from "./columns.ts";
import { shortCores, shortCount } from "./figures.ts";
import type { TopState } from "./model.ts";
import { plain } from "./width.ts";

/** The agent that the cursor is on, most telling first; empty when there is none. */
export function detailLines(state: TopState): readonly string[] {
  const rows = rowsOf(state);
  const subject = rows[cursorAt(rows, state.chosen)];
  if (subject === undefined) return [];
  return factsOf(subject)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => ` ${name.padEnd(10)} ${plain(value)}`);
}

function factsOf(subject: Subject): readonly (readonly [name: string, value: string])[] {
  const { agent, now } = subject;
  const { activity, cleanup, harness, parent, reported, task_id, tmux_session, trouble } = agent;
  const until = agent.ended_at === null ? now : Date.parse(agent.ended_at);
  const ran = humanDuration(Math.max(0, until - begunAt(agent)));
  return [
    ["status", `${agent.status}${activity === null ? "" : `, ${activity}`}, for ${ran}`],
    [
      "trouble",
      trouble === null ? "" : `${trouble.kind}: ${trouble.message} (${trouble.attempts})`,
    ],
    [
      "reported",
      reported === null ? "" : `${reported.status} ${reported.progress} %: ${reported.message}`,
    ],
    ["ended", hasEnded(agent) ? endText(agent) : ""],
    ["uses", hasEnded(agent) ? "" : useWords(subject)],
    ["listens on", portWords(subject)],
    ["tokens", tokenWords(subject)],
    ["printed", printedWords(subject)],
    ["cleanup", cleanupText(cleanup)],
    ["task", `${task_id}, ${harness}, parent ${parent}`],
    ["held by", `${agent.containment}${tmux_session === null ? "" : `, in ${tmux_session}`}`],
  ];
}

function useWords({ use }: Subject): string {
  if (use === undefined) return "not looked at";
  const { processes, threads, memory_bytes: memory, cpu_ms_per_s: cpu, fds, sockets } = use.sample;
  return [
    processes === null ? "" : `${processes} ${processes === 1 ? "process" : "processes"}`,
    threads === null ? "" : counted(threads, "thread"),
    memory === null ? "" : `${humanBytes(memory)} of memory`,
    cpu === null ? "" : `${shortCores(cpu)} of a core`,
    fds === null ? "" : counted(fds, "open file"),
    sockets === null || sockets === 0 ? "" : counted(sockets, "socket"),
  ]
    .filter(Boolean)
    .join(", ");
}

function portWords({ use }: Subject): string {
  const ports = use?.listens ?? [];
  return ports.map(({ protocol, address, port }) => `${protocol} ${address}:${port}`).join(", ");
}

function tokenWords({ agent }: Subject): string {
  const tokens = tokensOf(agent);
  if (agent.usage === null || tokens === null) return "";
  const { cost_usd: cost, turns } = agent.usage;
  const spent = cost === null ? "" : `, $${cost.toFixed(3)}`;
  return `${shortCount(tokens)}${spent}${turns === null ? "" : `, ${counted(turns, "turn")}`}`;
}

function printedWords({ agent, use }: Subject): string {
  const { output_bytes: printed, disk_bytes: disk } = agent;
  if (printed === null) return "";
  const rate = use?.sample.output_bytes_per_s ?? null;
  const goes = rate === null ? "" : `, ${humanBytes(rate)} a second`;
  return `${humanBytes(printed)}${goes}${disk === null ? "" : `; ${humanBytes(disk)} on the disk`}`;
}

/** Every alert in three lines, the newest first; one line when there is none. */
export function alertLines({ alerts, now }: Pick<TopState, "alerts" | "now">): readonly string[] {
  if (alerts.length === 0) return ["Nothing wants a look."];
  return alerts
    .toReversed()
    .flatMap(({ rule, severity, subject, since, evidence, next_step }) => [
      plain(`${severity} ${rule.replaceAll("_", " ")}: ${subject.kind} ${subject.id}`),
      plain(`  ${evidence}, for ${humanDuration(Math.max(0, now - Date.parse(since)))}`),
      plain(`  ${next_step}`),
      "",
    ]);
}
