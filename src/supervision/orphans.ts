/**
 * Which agent CLIs and MCP servers of other tools run on without the one that started them. Pure.
 *
 * That its parent is pid 1 says too little (a service has that parent from its birth) and asks
 * too much: under a user manager or another subreaper an orphan's new parent is that. What says
 * it, without names:
 *
 *   A process is born in its parent's session. One that leads no session of its own, and whose
 *   parent is in another session, was born to somebody else: that one is gone.
 *
 * One that leads a session may have made it itself. Then it counts when it was given to init or
 * to a known reaper, unless it is a unit of a service manager, which starts services just so.
 *
 * Agents of Corral itself are left out: its sweep knows them. One whose folder is gone with its
 * state directory is nobody's any more, and is told like the others.
 */
import type { Orphan, OrphansAnswer } from "../contract/orphans.ts";
import { type EpochMs, isoTime, SECOND_MS } from "../kernel/units.ts";
import { isStarter, recognise, type Recognised, runnerIn } from "./recognise.ts";
import { shownArgv } from "./shown-argv.ts";

/** A live process. */
export interface ListedProcess {
  readonly pid: number;
  readonly ppid: number;
  /** Null where the platform does not tell. */
  readonly sessionId: number | null;
  readonly name: string;
  readonly argv: readonly string[];
  readonly startedAt: EpochMs;
}

/** What is read of candidates only. Null: it could not be read. */
export interface ProcessDetails {
  readonly uid: number | null;
  readonly memoryBytes: number | null;
  readonly cwd: string | null;
  /** Text of /proc/PID/cgroup. */
  readonly groups: string | null;
  /** True when it bears the mark of any Corral. */
  readonly isOurs: boolean;
}

/** Programs that take in orphans: init itself is known by its pid. */
const REAPERS =
  /^(systemd|init|launchd|tini|dumb-init|docker-init|catatonit|containerd-shim.*|conmon|s6-svscan|runsvdir)$/;
/** A unit that a service manager started on purpose, and not the scope of somebody's login. */
const SERVICE_UNIT = /\/(?!user@\d+\.service)[^/\n]+\.service$/m;

interface Candidate {
  readonly one: ListedProcess;
  readonly recognised: Recognised;
  readonly parent: ListedProcess | undefined;
  readonly why: string;
}

/** Recognised processes that may be orphans, and everybody below them: whose details are wanted. */
export function wantedDetails(all: readonly ListedProcess[]): readonly number[] {
  const children = Map.groupBy(all, ({ ppid }) => ppid);
  const pids = [...candidatesOf(all), ...runnersAmong(all)].flatMap(({ one }) =>
    familyOf(one.pid, children),
  );
  return [...new Set(pids)];
}

/**
 * The orphans, oldest first.
 *
 * @param details  Of {@link wantedDetails}; one that has ended meanwhile is absent, and in no answer.
 * @param bestEffort  What the platform does not tell; null when it tells all.
 * @param isFolderGone  True when certainly nothing is at that absolute path.
 */
export function orphansOf(
  all: readonly ListedProcess[],
  details: ReadonlyMap<number, ProcessDetails>,
  now: EpochMs,
  bestEffort: string | null,
  isFolderGone: (path: string) => boolean,
): OrphansAnswer {
  const children = Map.groupBy(all, ({ ppid }) => ppid);
  const candidates = candidatesOf(all).filter(({ one }) => details.has(one.pid));
  const foreign = candidates.filter(({ one }) => details.get(one.pid)?.isOurs === false);
  const orphans = [
    ...foreign.filter((candidate) => !isService(candidate, details.get(candidate.one.pid))),
    ...runnersAmong(all).filter(
      ({ folder, one }) => details.get(one.pid)?.isOurs === true && isFolderGone(folder),
    ),
  ];
  const pids = new Set(orphans.map(({ one }) => one.pid));
  return {
    orphans: orphans
      // What belongs to an orphan's own tree is told with it.
      .filter(({ one }) => !isBelow(one, pids, all))
      .map((candidate) => viewOf(candidate, details, children, now))
      .toSorted((one, other) => other.age_s - one.age_s),
    own: candidates.length - foreign.length,
    best_effort: bestEffort,
  };
}

function candidatesOf(all: readonly ListedProcess[]): readonly Candidate[] {
  const byPid = new Map(all.map((one) => [one.pid, one]));
  return all.flatMap((one) => {
    const recognised = one.pid === 1 ? null : recognise(one.argv);
    if (recognised === null) return [];
    const parent = byPid.get(one.ppid);
    const why = whyOrphaned(one, byPid);
    return why === null ? [] : [{ one, recognised, parent, why }];
  });
}

/** Runners of any Corral, as candidates: whose folder is there they are no orphans. */
function runnersAmong(
  all: readonly ListedProcess[],
): readonly (Candidate & { readonly folder: string })[] {
  const byPid = new Map(all.map((one) => [one.pid, one]));
  return all.flatMap((one) => {
    const runner = runnerIn(one.argv);
    if (runner === null) return [];
    const recognised = { kind: "agent" as const, what: runner.session };
    const why = `Corral deployed it, and its state directory is gone: ${runner.folder}`;
    return [{ one, recognised, parent: byPid.get(one.ppid), why, folder: runner.folder }];
  });
}

/** Goes up through shells and package runners: with them, the whole of it has lost its parent. */
function whyOrphaned(one: ListedProcess, byPid: ReadonlyMap<number, ListedProcess>): string | null {
  const seen = new Set<number>();
  for (let at: ListedProcess | undefined = one; at !== undefined && !seen.has(at.pid);) {
    seen.add(at.pid);
    const parent = byPid.get(at.ppid);
    const why = whyReparented(at, parent);
    if (why !== null) return at === one ? why : `${at.name} (${at.pid}) above it: ${why}`;
    if (parent === undefined || !isStarter(parent.argv)) return null;
    at = parent;
  }
  return null;
}

function whyReparented(one: ListedProcess, parent: ListedProcess | undefined): string | null {
  const { pid, ppid, sessionId } = one;
  if (ppid === 0) return null; // the first process of a namespace has no parent and needs none
  const isInit = ppid === 1;
  if (sessionId !== null && sessionId !== pid) {
    if (parent === undefined || parent.sessionId === null) return null;
    return parent.sessionId === sessionId
      ? null
      : `it was born in session ${sessionId}, and its parent now is in another`;
  }
  if (isInit) return "its parent now is init";
  if (parent === undefined || !REAPERS.test(parent.name)) return null;
  return `its parent now is ${parent.name}, which takes in orphans`;
}

function isService({ one }: Candidate, details: ProcessDetails | undefined): boolean {
  return one.sessionId === one.pid && SERVICE_UNIT.test(details?.groups ?? "");
}

function isBelow(
  { ppid }: ListedProcess,
  pids: ReadonlySet<number>,
  all: readonly ListedProcess[],
): boolean {
  const parents = new Map(all.map((one) => [one.pid, one.ppid]));
  const seen = new Set<number>();
  for (let at = ppid; at > 1 && !seen.has(at); at = parents.get(at) ?? 0) {
    if (pids.has(at)) return true;
    seen.add(at);
  }
  return false;
}

function familyOf(
  root: number,
  children: ReadonlyMap<number, readonly ListedProcess[]>,
): readonly number[] {
  const family = new Set([root]);
  for (const pid of family) for (const child of children.get(pid) ?? []) family.add(child.pid);
  return [...family];
}

function viewOf(
  { one, recognised, parent, why }: Candidate,
  details: ReadonlyMap<number, ProcessDetails>,
  children: ReadonlyMap<number, readonly ListedProcess[]>,
  now: EpochMs,
): Orphan {
  const own = details.get(one.pid);
  const family = familyOf(one.pid, children).filter((pid) => details.has(pid));
  return {
    pid: one.pid,
    ...recognised,
    uid: own?.uid ?? null,
    parent: `${parent?.name ?? "?"} (${one.ppid})`,
    why,
    started_at: isoTime(one.startedAt),
    age_s: Math.max(0, Math.floor((now - one.startedAt) / SECOND_MS)),
    memory_bytes: own?.memoryBytes ?? null,
    tree: {
      processes: family.length,
      memory_bytes: family.reduce((sum, pid) => sum + (details.get(pid)?.memoryBytes ?? 0), 0),
    },
    cwd: own?.cwd ?? null,
    argv: shownArgv(one.argv),
  };
}
