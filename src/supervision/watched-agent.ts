/** One running agent under watch: its stream read on, and what that and its processes come to. */
import type { AgentRecord, AgentTrouble } from "../agents/record.ts";
import type { Activity } from "../contract/agent.ts";
import {
  activityOf,
  certainTrouble,
  type Doing,
  doingAfter,
  nothingSaid,
  silentTrouble,
  type Surroundings,
} from "../harness/doing.ts";
import type { Harness, Heard, StreamEvent, StreamOutcome } from "../harness/harness.ts";
import { NOTHING_HEARD } from "../output/heard.ts";
import { FOLLOW_START, type Followed, followStep } from "../output/follow.ts";
import { foldEvent, NO_OUTCOME } from "../output/outcome.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { Budgets } from "./budget-watch.ts";
import type { StreamsSeen } from "./disk-ports.ts";
import type { WorkDone } from "./meters.ts";
import type { ProcessSet } from "./ports.ts";
import type { Tail } from "./tails.ts";

/** More than this share of a processor, or these bytes, between two looks is work. */
const BUSY_CPU = 0.02;
const BUSY_IO_BYTES = 64 * 1_024;

export interface Watched {
  readonly agent: AgentRecord;
  readonly harness: Harness;
  readonly tail: Tail;
  readonly budgets: Budgets;
  stdout: Followed;
  stderr: Followed;
  doing: Doing;
  outcome: StreamOutcome;
  /** True while more of its streams is there than was read. */
  isBehind: boolean;
  busyAt: EpochMs | null;
  sample: (WorkDone & { readonly at: EpochMs }) | null;
  /** The result after which its input was closed; null before the first. */
  closedAt: EpochMs | null;
  /** Its processes, once they were looked up: the row never changes. */
  set: ProcessSet | null;
  /** Not looked at before. */
  nextAt: EpochMs;
  /** What the store was told last. */
  told: {
    activity: Activity | null;
    trouble: AgentTrouble | null;
    at: EpochMs;
    usage: string;
    heard: Heard;
  };
}

export function watchedAgent(
  agent: AgentRecord,
  harness: Harness,
  tail: Tail,
  budgets: Budgets,
  now: EpochMs,
): Watched {
  const { activity, trouble } = agent;
  return {
    agent,
    harness,
    tail,
    budgets,
    stdout: FOLLOW_START,
    stderr: FOLLOW_START,
    doing: nothingSaid(now),
    outcome: NO_OUTCOME.outcome,
    isBehind: true,
    busyAt: null,
    sample: null,
    closedAt: null,
    set: null,
    nextAt: 0,
    told: { activity, trouble, at: 0, usage: "", heard: NOTHING_HEARD },
  };
}

/** How long it has said nothing. Milliseconds. */
export function silenceOf({ doing }: Watched, now: EpochMs): number {
  return Math.max(0, now - doing.saidAt);
}

/** True when its streams, as they were seen, have grown since they were read. */
export function hasGrown({ harness, stderr, stdout }: Watched, seen: StreamsSeen): boolean {
  if (seen.stdoutBytes > stdout.cursor + stdout.open) return true;
  return harness.stderrEvents !== undefined && seen.stderrBytes > stderr.cursor + stderr.open;
}

/**
 * Reads one bounded step of both streams and folds it in.
 *
 * @returns true when there is more to read at once.
 * @throws {Fault} PROBE_FAILED: what was read stays read.
 */
export async function readOn(watched: Watched, seen: StreamsSeen, now: EpochMs): Promise<boolean> {
  const { harness, tail } = watched;
  // A daemon that has just started reads what was said long ago.
  const at = Math.min(now, seen.writtenAt);
  const out = await followStep(watched.stdout, tail.stdout, seen.stdoutBytes);
  watched.stdout = out.followed;
  fold(
    watched,
    out.lines.flatMap((line) => harness.events(line)),
    at,
  );
  if (out.followed.open > 0) watched.doing = { ...watched.doing, saidAt: at };
  if (harness.stderrEvents === undefined) return out.hasMore;
  const err = await followStep(watched.stderr, tail.stderr, seen.stderrBytes);
  watched.stderr = err.followed;
  fold(
    watched,
    err.lines.flatMap((line) => harness.stderrEvents?.(line) ?? []),
    at,
  );
  return out.hasMore || err.hasMore;
}

function fold(watched: Watched, events: readonly StreamEvent[], at: EpochMs): void {
  const hidesCalls = watched.harness.hidesCalls === true;
  for (const event of events) {
    watched.doing = doingAfter(watched.doing, event, at, hidesCalls);
    watched.outcome = foldEvent(watched.outcome, event);
  }
}

/** True when its processes are to be looked at: it has been silent, and nobody has looked for so long. */
export function wantsSample({ doing, sample }: Watched, now: EpochMs, everyMs: number): boolean {
  if (doing.finishedAt !== null || now - doing.saidAt < everyMs / 2) return false;
  return sample === null || now - sample.at >= everyMs;
}

/** Takes note of what its processes have done. The first look only sets the mark; until the second it counts as busy. */
export function noteSample(watched: Watched, work: WorkDone, now: EpochMs): void {
  const before = watched.sample;
  watched.sample = { ...work, at: now };
  const elapsed = before === null ? 0 : now - before.at;
  const isBusy =
    before === null ||
    Math.abs(work.cpuMs - before.cpuMs) > elapsed * BUSY_CPU ||
    Math.abs(work.ioBytes - before.ioBytes) > BUSY_IO_BYTES;
  if (isBusy) watched.busyAt = now;
}

export interface Judged {
  readonly activity: Activity;
  readonly trouble: AgentTrouble | null;
}

/** What it does now, in words for the store. */
export function judged({ doing }: Watched, around: Surroundings, silentMs: number): Judged {
  const trouble = certainTrouble(doing) ?? silentTrouble(doing, around, silentMs);
  return { activity: activityOf(doing, around), trouble };
}
