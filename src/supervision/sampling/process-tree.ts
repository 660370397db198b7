/** The processes of an agent as people read them: each before its children. Pure. */
import type { ProcessView } from "../../contract/sampling.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import { shownArgv } from "../shown-argv.ts";
import type { ProcessFacts } from "./ports.ts";

/** Most that one answer lists. */
export const PROCESSES_MOST = 500;

/** Processor time of each process when it was last asked, by pid and start time. */
export type Earlier = ReadonlyMap<string, { readonly at: number; readonly cpuMs: number }>;

export function nameOfProcess({
  pid,
  startTicks,
}: Pick<ProcessFacts, "pid" | "startTicks">): string {
  return `${pid}:${startTicks}`;
}

/**
 * Orders and shortens.
 * @param earlier  Of the answer before, for rates; empty when there is none.
 * @param at       When the facts were looked at. Epoch milliseconds.
 */
export function processTree(
  facts: readonly ProcessFacts[],
  earlier: Earlier,
  at: number,
): { readonly processes: readonly ProcessView[]; readonly leftOut: number } {
  const byParent = Map.groupBy(
    facts.toSorted((one, other) => one.startTicks - other.startTicks || one.pid - other.pid),
    ({ ppid }) => ppid,
  );
  const pids = new Set(facts.map(({ pid }) => pid));
  const roots = [...byParent].flatMap(([ppid, children]) => (pids.has(ppid) ? [] : children));
  const ordered: ProcessView[] = [];
  const seen = new Set<number>();
  const stack = roots.toReversed().map((one) => ({ one, depth: 0 }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { depth, one } = next;
    if (seen.has(one.pid)) continue;
    seen.add(one.pid);
    if (ordered.length < PROCESSES_MOST) ordered.push(viewOf(one, depth, earlier, at));
    const children = byParent.get(one.pid) ?? [];
    for (const child of children.toReversed()) stack.push({ one: child, depth: depth + 1 });
  }
  return { processes: ordered, leftOut: Math.max(0, seen.size - ordered.length) };
}

function viewOf(facts: ProcessFacts, depth: number, earlier: Earlier, at: number): ProcessView {
  const before = earlier.get(nameOfProcess(facts));
  const elapsed = before === undefined ? 0 : at - before.at;
  const done = facts.cpuMs === null || before === undefined ? null : facts.cpuMs - before.cpuMs;
  return {
    pid: facts.pid,
    ppid: facts.ppid,
    depth,
    name: facts.name,
    argv: shownArgv(facts.argv),
    age_s: Math.max(0, Math.floor(facts.ageMs / SECOND_MS)),
    state: facts.state,
    threads: facts.threads,
    memory_bytes: facts.memoryBytes,
    pss_bytes: facts.pssBytes,
    cpu_ms: facts.cpuMs,
    cpu_ms_per_s:
      done === null || elapsed <= 0 ? null : Math.round((Math.max(0, done) * SECOND_MS) / elapsed),
    fds: facts.fds,
    sockets: facts.sockets,
    listens: [...facts.listens],
  };
}
