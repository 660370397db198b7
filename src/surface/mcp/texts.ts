/**
 * What a model reads of a successful call: a few lines it can act on. The whole answer is
 * beside it, in structuredContent.
 */
import type {
  AgentView,
  Cleanup,
  FindingView,
  ProgressView,
  Receipt,
  TaskBudget,
} from "../../contract/agent.ts";
import { messageLines } from "../../agents/message.ts";
import type { CorralEvent } from "../../contract/events.ts";
import type { MessageView } from "../../contract/messages.ts";
import type { ToolAnswer, ToolName } from "../../contract/tools.ts";
import { counted, humanBytes, humanDuration } from "../../kernel/units.ts";
import { dollars } from "../../tasks/budget.ts";

/** At most this many agents, warnings or reports are named in a text; the rest are counted. */
const NAMED_MAX = 20;
const MESSAGE_MAX_CHARS = 200;

type Texts = { readonly [N in ToolName]: (answer: ToolAnswer<N>) => readonly string[] };

const TEXTS: Texts = {
  create_real_task: (answer) => [
    lines(
      `Task ${answer.task_id} is open. Workspace: ${answer.workspace}`,
      ...warnings(answer.warnings),
      `Next: deploy agents on it with deploy_headless_agent.`,
    ),
  ],
  deploy_headless_agent: deployText,
  spawn_child_agent: deployText,
  get_real_task_status: (answer) => [statusText(answer)],
  get_agent_output: (answer) => [outputText(answer), outputFooter(answer)],
  kill_real_agent: (answer) => [
    lines(
      `${answer.agent_id} is ${answer.status}${answer.reason === null ? "" : ` (${clipped(answer.reason)})`}.`,
      receiptLine(answer.receipt),
    ),
  ],
  update_agent_progress: (answer) => [
    lines(
      `Recorded: ${progressLine(answer.own_update)}`,
      ...validationLines(answer.validation),
      ...inboxLines(answer.inbox),
      ...(answer.inbox === null || answer.own_update.status !== "completed"
        ? []
        : ["You are not stopped yet: act on the messages first, then report completed again."]),
      ...peerLines(answer.peers),
    ),
  ],
  report_agent_finding: (answer) => [
    lines(
      `Recorded: ${findingLine(answer.own_finding)}`,
      ...inboxLines(answer.inbox),
      ...peerLines(answer.peers),
    ),
  ],
  get_resource_report: (answer) => [reportText(answer)],
  sweep_resources: (answer) => [sweepText(answer)],
  get_task_findings: ({ findings, counts, next_cursor, more }) => [
    lines(
      `${counts.total} findings${countsText(counts.by_severity)}; ${findings.length} of them here, oldest first.`,
      ...findings.map((finding) => `- ${finding.at} ${findingLine(finding)}`),
      `[read on with cursor ${next_cursor}${more ? "; there are more" : ""}]`,
    ),
  ],
  wait_for_agents: ({ agents, events, next_seq, timed_out }) => [
    lines(
      timed_out
        ? "The time is over; nothing that was waited for came."
        : "What was waited for came.",
      ...some(agents, agentLine),
      ...headed("Events:", events.slice(-NAMED_MAX).map(eventLine)),
      `[wait on with after_seq ${next_seq}]`,
    ),
  ],
  list_tasks: ({ tasks, next_cursor }) => [
    lines(
      tasks.length === 0 ? "No such task." : `${tasks.length} tasks, newest first:`,
      ...tasks.map(
        (task) =>
          `- ${task.task_id} (${task.priority}, ${task.status}, ${task.agents_live} of ${task.agents} agents live, ${spentLine(task.budget)}): ${clipped(task.description)}`,
      ),
      ...(next_cursor === null ? [] : [`[read on with cursor "${next_cursor}"]`]),
    ),
  ],
  close_task: (answer) => [
    lines(
      `Task ${answer.task_id} is closed: ${answer.status}. ${answer.agents_stopped} agents were stopped.`,
      ...answer.receipts
        .slice(0, NAMED_MAX)
        .map((receipt) => `- ${receipt.owner}: ${receiptLine(receipt)}`),
    ),
  ],
  search_history: ({ hits, next_cursor }) => [
    lines(
      hits.length === 0 ? "Nothing was found." : `${hits.length} hits, newest first:`,
      ...hits.map(
        (hit) =>
          `- ${hit.at} ${hit.task_id} ${hit.agent_id} ${hit.kind} (${hit.what}): ${hit.excerpt}`,
      ),
      ...(next_cursor === null ? [] : [`[read on with cursor ${next_cursor}]`]),
    ),
  ],
  send_agent_message: ({ message, warnings: warned }) => [
    lines(
      messageLine(message),
      ...warnings(warned),
      `Next: get_agent_messages with task_id ${message.task_id} and agent_id ${message.agent_id} says what became of it.`,
    ),
  ],
  get_agent_messages: ({ messages, left_out: leftOut, counts }) => [
    lines(
      `Messages: ${counts.queued} queued, ${counts.delivered} delivered, ${counts.consumed} consumed, ${counts.undeliverable} undeliverable.`,
      ...some(messages, (message) => `- ${messageLine(message)}`, leftOut),
    ),
  ],
  resume_agent: (answer) => {
    const carried = answer.messages.length;
    const [text = ""] = deployText(answer);
    return [
      lines(
        `${answer.agent_id} goes on for ${answer.resumed_from}${carried === 0 ? "" : `, with ${carried} messages that waited`}.`,
        text,
      ),
    ];
  },
};

/** Each message as its agent reads it: a head of ours, its text behind bars. */
function inboxLines(inbox: ToolAnswer<"update_agent_progress">["inbox"]): readonly string[] {
  if (inbox === null) return [];
  const more = inbox.more === 0 ? "" : ` (${inbox.more} more come with your next report)`;
  return [`Messages to you${more}:`, ...inbox.messages.flatMap(messageLines)];
}

function messageLine(message: MessageView): string {
  const { message_id: id, from, reason, state, text, waits_for: waits } = message;
  const what = [waits === null ? "" : `waits for ${waits}`, reason ?? ""].filter(Boolean);
  return `${id} from ${from}: ${state}${what.length === 0 ? "" : ` (${what.join("; ")})`}: ${clipped(text)}`;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function eventLine({ seq, kind, agent_id, facts }: CorralEvent): string {
  return `${seq} ${kind}${agent_id === null ? "" : ` ${agent_id}`} ${clipped(JSON.stringify(facts))}`;
}

/**
 * The text blocks for a tool's answer, the main one first; never empty.
 * `get_agent_output` has the output itself first and where to read on second.
 */
export function textsOf<N extends ToolName>(name: N, answer: ToolAnswer<N>): readonly string[] {
  return TEXTS[name](answer);
}

/** `"12000 of 50000 tokens, $0.31 (2 agents told no cost)"`. */
function spentLine({ cost_usd: cost, tokens }: TaskBudget): string {
  const of = (used: string | number, limit: string | number | null): string =>
    limit === null ? `${used}` : `${used} of ${limit}`;
  const untold = cost.untold === 0 ? "" : ` (${counted(cost.untold, "agent")} told no cost)`;
  const limit = cost.limit === null ? null : dollars(cost.limit);
  return `${of(tokens.used, tokens.limit)} tokens, ${of(dollars(cost.used), limit)}${untold}`;
}

function deployText(answer: ToolAnswer<"deploy_headless_agent">): readonly string[] {
  const where = answer.tmux_session === null ? answer.host : `tmux session ${answer.tmux_session}`;
  return [
    lines(
      `${answer.agent_id} is ${answer.status} (${answer.harness}, ${where}, contained by ${answer.containment}).`,
      ...warnings(answer.warnings),
      `Next: get_real_task_status or get_agent_output with task_id ${answer.task_id}.`,
    ),
  ];
}

function statusText({
  task,
  agents,
  agents_left_out,
  counts,
  progress,
  findings,
  limits,
  resources,
}: ToolAnswer<"get_real_task_status">): string {
  return lines(
    `Task ${task.task_id} (${task.priority}${task.status === "open" ? "" : `, ${task.status}`}): ${clipped(task.description)}`,
    `Agents: ${counts.total} in all, ${counts.running} running, ${counts.completed} completed, ${counts.failed} failed. ` +
      `Resources: ${resources.held} held, ${resources.stuck} stuck.`,
    `Spent: ${spentLine(limits)}.`,
    ...some(agents, agentLine, agents_left_out),
    ...headed("Progress, newest last:", progress.map(progressLine)),
    ...headed("Findings, newest last:", findings.map(findingLine)),
  );
}

function agentLine(agent: AgentView): string {
  const facts = [
    agent.status,
    agent.activity ?? "",
    agent.reported === null ? "" : `says ${agent.reported.status} ${agent.reported.progress}%`,
    agent.reason === null ? "" : clipped(agent.reason),
    agent.resumed_from === null ? "" : `goes on for ${agent.resumed_from}`,
    agent.resumed_as === null ? "" : `went on as ${agent.resumed_as}`,
    cleanupWord(agent.cleanup),
  ];
  return `- ${agent.agent_id}: ${facts.filter((fact) => fact !== "").join(", ")}`;
}

function cleanupWord({ state, held, stuck }: Cleanup): string {
  if (state === "none") return "";
  if (state === "stuck") return `cleanup stuck (${stuck} of ${held} resources)`;
  return `cleanup ${state}`;
}

function outputText({ output }: ToolAnswer<"get_agent_output">): string {
  const text =
    typeof output === "string" ? output : output.map((event) => JSON.stringify(event)).join("\n");
  return text === "" ? "(no output)" : text;
}

function outputFooter(answer: ToolAnswer<"get_agent_output">): string {
  return lines(
    `[${answer.agent_id} is ${answer.status}; read on with cursor ${answer.next_cursor}${answer.prev_cursor === null ? "" : `, back with before ${answer.prev_cursor}`}${answer.truncated ? "; truncated" : ""}]`,
    ...answer.gaps.map(({ from, to, reason }) => `[bytes ${from} to ${to} are missing: ${reason}]`),
    ...(answer.stderr === null ? [] : [`stderr ends: ${answer.stderr}`]),
  );
}

function reportText(answer: ToolAnswer<"get_resource_report">): string {
  const { agents, alerts, daemon, disk, held, id, limits, ports, scope, unknown, use } = answer;
  const known = (value: number | null, shown: (known: number) => string): string =>
    value === null ? "unknown" : shown(value);
  const usedBy = ({ processes, fds, memory_bytes, cpu_ms }: typeof use): string =>
    `${processes} processes, ${known(fds, String)} open files, ${known(memory_bytes, humanBytes)} memory, ${known(cpu_ms, humanDuration)} processor time`;
  return lines(
    `${id === null ? scope : `${scope} ${id}`}: ${usedBy(use)}.`,
    ...(daemon === null ? [] : [`The daemon itself: ${usedBy(daemon)}.`]),
    `Held: ${held.map(({ kind, held: count }) => `${count} ${kind}`).join(", ") || "nothing"}.`,
    ...headed(
      "Listens on:",
      ports.map(
        ({ address, agent_id, pid, port, protocol }) =>
          `${protocol} ${address}:${port} (${agent_id}, process ${pid})`,
      ),
    ),
    ...headed(
      "Disk:",
      disk.map(
        ({ what, bytes, complete }) => `${what}: ${complete ? "" : "over "}${humanBytes(bytes)}`,
      ),
    ),
    ...headed(
      "Limits:",
      limits.map(({ name, used, limit, unit }) => `${name}: ${used} of ${limit} ${unit}`),
    ),
    ...headed(
      "Agents, by memory:",
      agents.map(
        (agent) =>
          `${agent.agent_id} ${agent.status}: ${agent.processes} processes, ${known(agent.memory_bytes, humanBytes)}`,
      ),
    ),
    ...alerts.map((alert) => `Alert: ${alert}`),
    ...unknown.map((what) => `Could not look at ${clipped(what)}`),
  );
}

function sweepText(answer: ToolAnswer<"sweep_resources">): string {
  const { applied, plan_id: planId, steps, unknown } = answer;
  const count = (outcome: string): number =>
    steps.filter((step) => step.outcome === outcome).length;
  const told = (["planned", "released", "stuck", "changed", "unknown"] as const)
    .filter((outcome) => count(outcome) > 0)
    .map((outcome) => `${count(outcome)} ${outcome}`);
  return lines(
    steps.length === 0 ? "Nothing to release." : `${planId}: ${told.join(", ")}.`,
    ...some(
      steps,
      ({ kind, locator, outcome, why, seen }) =>
        `- ${outcome}: ${kind} ${clipped(locator)} (${clipped(seen ?? why)})`,
    ),
    ...unknown.slice(0, NAMED_MAX).map((what) => `Could not look at ${clipped(what)}`),
    ...(applied || steps.length === 0
      ? []
      : [`Next: sweep_resources with apply true and plan_id "${planId}" releases exactly these.`]),
  );
}

function receiptLine({ cleanup, resources, survivors }: Receipt): string {
  const released = resources.filter(({ state }) => state === "released").length;
  const names = survivors.slice(0, NAMED_MAX).map(({ pid, name }) => `${name} (${pid})`);
  const alive = survivors.length === 0 ? "" : ` Still alive: ${names.join(", ")}.`;
  return `Receipt: ${released} of ${resources.length} resources released, cleanup ${cleanup.state}.${alive}`;
}

function validationLines(validation: ToolAnswer<"update_agent_progress">["validation"]): string[] {
  if (validation === null) return [];
  const verdict = validation.accepted ? "accepted" : "not accepted: keep working";
  return [
    `Your claim is ${verdict} (confidence ${validation.confidence.toFixed(2)}).`,
    ...validation.blockers.map((blocker) => `Blocker: ${blocker}`),
    ...validation.warnings.map((warning) => `Warning: ${warning}`),
  ];
}

function peerLines(peers: ToolAnswer<"report_agent_finding">["peers"]): readonly string[] {
  return [
    ...headed("Others report:", peers.progress.map(progressLine)),
    ...headed("Others found:", peers.findings.map(findingLine)),
  ];
}

function progressLine({ agent_id, status, progress, message }: ProgressView): string {
  return `${agent_id} ${status} ${progress}%: ${clipped(message)}`;
}

function findingLine({ agent_id, severity, finding_type, message }: FindingView): string {
  return `${agent_id} [${severity}] ${finding_type}: ${clipped(message)}`;
}

function warnings(all: readonly string[]): readonly string[] {
  return all.slice(0, NAMED_MAX).map((warning) => `Warning: ${warning}`);
}

function some<T>(all: readonly T[], line: (one: T) => string, leftOut = 0): readonly string[] {
  const named = all.slice(-NAMED_MAX).map(line);
  const older = all.length - named.length + leftOut;
  return older > 0 ? [`(${older} older not shown)`, ...named] : named;
}

function headed(head: string, body: readonly string[]): readonly string[] {
  return body.length === 0 ? [] : [head, ...body.map((line) => `- ${line}`)];
}

function clipped(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length > MESSAGE_MAX_CHARS ? `${line.slice(0, MESSAGE_MAX_CHARS)}…` : line;
}

function lines(...all: readonly string[]): string {
  return all.join("\n");
}
