/** The columns of the table: what each shows, how it sorts, which go first when it is narrow. Pure. */
import type { AgentView } from "../../../contract/agent.ts";
import { toneOfStatus } from "../paint.ts";
import type { Tone } from "../paint.ts";
import { hasEnded } from "../views.ts";
import { shortBytes, shortCores, shortCount, shortSpan } from "./figures.ts";
import type { TopState, Use } from "./model.ts";

/** What a cell is made of. */
export interface Subject {
  readonly agent: AgentView;
  /** Undefined before the first look, and for what lives no more. */
  readonly use: Use | undefined;
  readonly now: number;
}

export interface Column {
  readonly heading: string;
  /** Columns of the terminal; the last column takes what is left, at least so many. */
  readonly width: number;
  readonly align: "left" | "right";
  readonly text: (subject: Subject) => string;
  readonly tone?: (subject: Subject) => Tone | null;
  /** What it sorts by, the greatest first; texts sort from A to Z. Null comes last, both ways. */
  readonly key: (subject: Subject) => number | string | null;
  /** The lower, the sooner it is left out; Infinity is never. */
  readonly worth: number;
}

const NONE = "–";

function shown(value: number | null | undefined, form: (value: number) => string): string {
  return value === null || value === undefined ? NONE : form(value);
}

/** When it began, or was made while it had not. Milliseconds since the Unix epoch. */
export function begunAt({ started_at: startedAt, created_at: createdAt }: AgentView): number {
  return Date.parse(startedAt ?? createdAt);
}

function ageMs({ agent, now }: Subject): number {
  const until = agent.ended_at === null ? now : Date.parse(agent.ended_at);
  return Math.max(0, until - begunAt(agent));
}

/** Input and output together; null where nothing is told. */
export function tokensOf({ usage }: AgentView): number | null {
  if (usage === null || (usage.input_tokens === null && usage.output_tokens === null)) return null;
  return (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0);
}

function activityOf({ trouble, activity }: AgentView): string {
  return (trouble?.kind ?? activity ?? NONE).replaceAll("_", " ");
}

function lastWords({ agent, now }: Subject): string {
  if (hasEnded(agent) && agent.reason !== null && agent.status !== "completed") return agent.reason;
  if (agent.reported === null) return NONE;
  const { progress, message, at } = agent.reported;
  const ago = hasEnded(agent) ? "" : `${shortSpan(now - Date.parse(at))} ago: `;
  return `${progress}% ${ago}${message}`;
}

export const COLUMNS = {
  agent: {
    heading: "AGENT",
    width: 26,
    align: "left",
    text: ({ agent }) => agent.agent_id,
    key: ({ agent }) => agent.agent_id,
    worth: Number.POSITIVE_INFINITY,
  },
  status: {
    heading: "STATUS",
    width: 10,
    align: "left",
    text: ({ agent }) => (agent.cleanup.state === "stuck" ? "stuck" : agent.status),
    tone: ({ agent }) => (agent.cleanup.state === "stuck" ? "bad" : toneOfStatus(agent.status)),
    key: ({ agent }) => agent.status,
    worth: Number.POSITIVE_INFINITY,
  },
  activity: {
    heading: "ACTIVITY",
    width: 12,
    align: "left",
    text: ({ agent }) => (hasEnded(agent) ? NONE : activityOf(agent)),
    tone: ({ agent }) => (agent.trouble === null || hasEnded(agent) ? null : "bad"),
    key: ({ agent }) => (hasEnded(agent) ? null : activityOf(agent)),
    worth: 7,
  },
  age: {
    heading: "AGE",
    width: 7,
    align: "right",
    text: (subject) => shortSpan(ageMs(subject)),
    key: ageMs,
    worth: 9,
  },
  cpu: {
    heading: "CPU",
    width: 6,
    align: "right",
    text: ({ use }) => shown(use?.sample.cpu_ms_per_s, shortCores),
    key: ({ use }) => use?.sample.cpu_ms_per_s ?? null,
    worth: 8,
  },
  memory: {
    heading: "MEMORY",
    width: 7,
    align: "right",
    text: ({ use }) => shown(use?.sample.memory_bytes, shortBytes),
    key: ({ use }) => use?.sample.memory_bytes ?? null,
    worth: 8,
  },
  processes: {
    heading: "PROCS",
    width: 5,
    align: "right",
    text: ({ use }) => shown(use?.sample.processes, String),
    key: ({ use }) => use?.sample.processes ?? null,
    worth: 6,
  },
  log: {
    heading: "LOG/S",
    width: 7,
    align: "right",
    text: ({ use }) => shown(use?.sample.output_bytes_per_s, shortBytes),
    key: ({ use }) => use?.sample.output_bytes_per_s ?? null,
    worth: 5,
  },
  tokens: {
    heading: "TOKENS",
    width: 7,
    align: "right",
    text: ({ agent }) => shown(tokensOf(agent), shortCount),
    key: ({ agent }) => tokensOf(agent),
    worth: 4,
  },
  cost: {
    heading: "COST",
    width: 7,
    align: "right",
    text: ({ agent }) => shown(agent.usage?.cost_usd, (cost) => `$${cost.toFixed(2)}`),
    key: ({ agent }) => agent.usage?.cost_usd ?? null,
    worth: 3,
  },
  progress: {
    heading: "LAST PROGRESS",
    width: 14,
    align: "left",
    text: lastWords,
    key: ({ agent }) => (agent.reported === null ? null : Date.parse(agent.reported.at)),
    worth: 10,
  },
} as const satisfies Record<string, Column>;

export type ColumnName = keyof typeof COLUMNS;
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];
/** Blanks between two columns. */
export const GAP = 1;

/**
 * The columns that fit, with the width of each; the last one takes what is left.
 * @param columns  Of the terminal.
 */
export function columnsFor(
  columns: number,
): readonly { readonly name: ColumnName; readonly width: number }[] {
  const names = [...COLUMN_NAMES];
  const taken = (): number => names.reduce((sum, name) => sum + COLUMNS[name].width + GAP, -GAP);
  while (taken() > columns) {
    const least = names.toSorted((a, b) => COLUMNS[a].worth - COLUMNS[b].worth)[0];
    if (least === undefined || COLUMNS[least].worth === Number.POSITIVE_INFINITY) break;
    names.splice(names.indexOf(least), 1);
  }
  const spare = columns - taken();
  // With nothing left to leave out, the first one is what is cut.
  const last = spare < 0 ? 0 : names.length - 1;
  return names.map((name, at) => ({
    name,
    width: Math.max(0, COLUMNS[name].width + (at === last ? spare : 0)),
  }));
}

/** What a row of the table is made of. */
export function subjectOf(state: TopState, agent: AgentView): Subject {
  const { agent_id: id } = agent;
  return { agent, use: state.use.get(id), now: state.now };
}
