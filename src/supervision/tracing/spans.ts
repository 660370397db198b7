/**
 * Spans of tool calls and of agents' lives. Pure.
 *
 * One agent is one trace: its ids are made of its own, so that a daemon that is started in between
 * goes on with the same ones, and whatever is told of an agent finds its place without a memory.
 */
import type { AgentRecord } from "../../agents/record.ts";
import { type EpochMs } from "../../kernel/units.ts";
import { spentOf } from "../../tasks/budget.ts";
import type { ToolCall } from "../observed.ts";

export interface SpanContext {
  /** 32 and 16 digits, hexadecimal. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface Span extends SpanContext {
  readonly parentSpanId: string | null;
  readonly name: string;
  /** `server`: somebody called us. */
  readonly kind: "internal" | "server";
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Values that are null are left out. */
  readonly attributes: Readonly<Record<string, string | number | null>>;
  /** Why it is an error; null when it is none. */
  readonly error: string | null;
  readonly links: readonly SpanContext[];
}

/** One-way, hexadecimal, 64 digits. */
export type Digest = (text: string) => string;

const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const BAD = new Set(["failed", "timed_out", "lost"]);

/** The root span of an agent. */
export function contextOf(agentId: string, digest: Digest): SpanContext {
  const hex = digest(`span of ${agentId}`);
  return {
    traceId: hex.slice(0, TRACE_DIGITS),
    spanId: hex.slice(TRACE_DIGITS, TRACE_DIGITS + SPAN_DIGITS),
  };
}

/** @param random  Unpredictable hexadecimal of so many bytes, for what belongs to no agent. */
export function spanOfCall(
  call: ToolCall,
  digest: Digest,
  random: (bytes: number) => string,
): Span {
  const { agentId, caller, endedAt, fault, name, startedAt, taskId } = call;
  const agent = agentId === null ? null : contextOf(agentId, digest);
  return {
    traceId: agent?.traceId ?? random(TRACE_DIGITS / 2),
    spanId: random(SPAN_DIGITS / 2),
    parentSpanId: agent?.spanId ?? null,
    name: `tool ${name}`,
    kind: "server",
    startedAt,
    endedAt,
    attributes: {
      "corral.tool": name,
      "corral.caller": caller,
      "corral.task.id": taskId,
      "corral.agent.id": agentId,
      "error.type": fault,
    },
    error: fault,
    links: [],
  };
}

/**
 * The life of an agent that has given everything back: the whole of it, and its parts.
 * @param releasedAt  When that was seen.
 */
export function spansOfAgent(
  agent: AgentRecord,
  releasedAt: EpochMs,
  digest: Digest,
): readonly Span[] {
  const { createdAt, endedAt, id, parent, startedAt } = agent;
  const root = contextOf(id, digest);
  const part = (name: string, from: EpochMs | null, to: EpochMs | null): readonly Span[] => {
    if (from === null || to === null) return [];
    const spanId = digest(`${name} of ${id}`).slice(0, SPAN_DIGITS);
    const common = { traceId: root.traceId, spanId, parentSpanId: root.spanId, name };
    return [
      {
        ...common,
        kind: "internal",
        startedAt: from,
        endedAt: Math.max(from, to),
        attributes: {},
        error: null,
        links: [],
      },
    ];
  };
  const whole: Span = {
    ...root,
    parentSpanId: null,
    name: `agent ${agent.type}`,
    kind: "internal",
    startedAt: createdAt,
    endedAt: Math.max(createdAt, releasedAt),
    attributes: attributesOf(agent),
    error: BAD.has(agent.status) ? (agent.reason ?? agent.status) : null,
    links: parent === "orchestrator" ? [] : [contextOf(parent, digest)],
  };
  return [
    whole,
    ...part("start", createdAt, startedAt),
    ...part("run", startedAt, endedAt),
    ...part("release", endedAt, releasedAt),
  ];
}

function attributesOf(agent: AgentRecord): Span["attributes"] {
  const { costUsd, tokens } = spentOf(agent.usage);
  return {
    "corral.agent.id": agent.id,
    "corral.agent.type": agent.type,
    "corral.agent.harness": agent.harness,
    "corral.agent.status": agent.status,
    "corral.agent.parent": agent.parent,
    "corral.agent.depth": agent.depth,
    "corral.task.id": agent.taskId,
    "process.exit.code": agent.exitCode,
    "corral.tokens": tokens,
    "corral.cost_usd": costUsd,
  };
}
