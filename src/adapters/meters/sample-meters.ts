/** Samples over /proc and control groups; see `supervision/sampling/ports.ts`. */
import { readdirSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { AgentId } from "../../kernel/ids.ts";
import type { PortView } from "../../contract/sampling.ts";
import type { ProcessSet } from "../../supervision/ports.ts";
import type {
  Counters,
  LookRequest,
  OpenFiles,
  OwnUse,
  ProcessFacts,
  SampleMeters,
} from "../../supervision/sampling/ports.ts";
import { readMembers } from "../cgroup/cgroup-files.ts";
import { type Listener, listenersIn } from "../proc/listening.ts";
import { readArgv, readText, ticksNow } from "../proc/proc-table.ts";
import { inSlices } from "../proc/slices.ts";
import { pageBytes, parseStatUse, type StatUse, TICK_MS } from "../proc/stat-use.ts";
import { groupUse } from "./group-use.ts";
import { readerOf } from "./machine-meters.ts";

const KIB = 1_024;
const OWN_NET = "/proc/self/net";
const SOCKET = "socket:[";

/** Open files of one process. */
interface Files {
  readonly fds: number;
  readonly sockets: number;
  readonly listens: readonly PortView[];
}

export function sampleMeters(): SampleMeters {
  let page: number | null = null;
  const bytesOfPages = (pages: number): number => pages * (page ??= pageBytes());
  return {
    async look(requests) {
      if (process.platform !== "linux") return counted(requests);
      const ports = listenersByNamespace();
      const sums = new Map<AgentId, Sum>();
      const work: { readonly pid: number; readonly sum: Sum }[] = [];
      await inSlices(requests, (request) => {
        const pids = pidsOf(request);
        if (pids === null) return;
        const sum = freshSum(request);
        sums.set(request.agentId, sum);
        if (isCounted(sum)) sum.processes = pids.length;
        else work.push(...pids.map((pid) => ({ pid, sum })));
      });
      await inSlices(work, ({ pid, sum }) => addProcess(sum, pid, ports));
      return new Map([...sums].map(([id, sum]) => [id, countersOf(sum, bytesOfPages)]));
    },
    async processes(request) {
      const found: ProcessFacts[] = [];
      const ports = listenersByNamespace();
      const now = ticksNow();
      const pids = request.pids ?? readMembers(groupOf(request) ?? "");
      await inSlices(pids, (pid) => {
        const facts = factsOf(pid, ports, now, bytesOfPages);
        if (facts !== null) found.push(facts);
      });
      return found;
    },
    own: ownUse,
    together: (set) => readable(() => groupUse(readerOf(above(set)))),
  };
}

/** Where there is no /proc: how many there are, and no more. */
function counted(requests: readonly LookRequest[]): ReadonlyMap<AgentId, Counters> {
  return new Map(
    requests.map((request) => [
      request.agentId,
      {
        processes: request.pids?.length ?? 0,
        threads: null,
        tasksLimit: null,
        memoryLimitBytes: null,
        memoryNeededBytes: null,
        memoryKills: null,
        fds: null,
        mostFds: null,
        sockets: null,
        listens: null,
        memoryBytes: null,
        pssBytes: null,
        cpuMs: null,
        readBytes: null,
        writtenBytes: null,
      },
    ]),
  );
}

interface Sum {
  readonly request: LookRequest;
  readonly groups: ReturnType<typeof groupUse>;
  processes: number;
  threads: number;
  pages: number;
  cpuMs: number;
  fds: number | null;
  mostFds: OpenFiles | null;
  sockets: number | null;
  listens: PortView[] | null;
  pssBytes: number | null;
  readBytes: number | null;
  writtenBytes: number | null;
}

function groupOf({ set }: Pick<LookRequest, "set">): string | null {
  return set.cgroup ?? set.freezer ?? null;
}

/** Null when it could not be looked at. */
function pidsOf(request: LookRequest): readonly number[] | null {
  if (request.pids !== null) return request.pids;
  return readable(() => readMembers(groupOf(request) ?? ""));
}

function freshSum(request: LookRequest): Sum {
  const nothing = request.depth === "light" ? null : 0;
  return {
    request,
    groups: readable(() => groupUse(readerOf(request.set))) ?? groupUse(() => null),
    processes: 0,
    threads: 0,
    pages: 0,
    cpuMs: 0,
    fds: nothing,
    mostFds: null,
    sockets: nothing,
    listens: nothing === null ? null : [],
    pssBytes: request.depth === "whole" ? 0 : null,
    readBytes: nothing,
    writtenBytes: nothing,
  };
}

/** True where the groups count all that a light look asks for: then no process needs to be read, however many there are. */
function isCounted({ groups, request }: Sum): boolean {
  const { cpuMs, memoryBytes, tasks } = groups;
  return request.depth === "light" && [cpuMs, memoryBytes, tasks].every((one) => one !== null);
}

function addProcess(sum: Sum, pid: number, ports: PortsOf): void {
  const { depth } = sum.request;
  const stat = statOf(pid);
  if (stat === null) return;
  sum.processes += 1;
  sum.threads += stat.threads;
  sum.pages += stat.residentPages;
  sum.cpuMs += stat.cpuMs;
  if (depth === "light") return;
  const files = filesOf(pid, ports);
  sum.fds = plus(sum.fds, files?.fds ?? null);
  if (files !== null && files.fds > (sum.mostFds?.fds ?? 0)) {
    const limit = openFilesLimit(pid);
    if (limit !== null) sum.mostFds = { fds: files.fds, limit };
  }
  sum.sockets = plus(sum.sockets, files?.sockets ?? null);
  sum.listens?.push(...(files?.listens ?? []));
  const io = ioOf(pid);
  sum.readBytes = plus(sum.readBytes, io?.readBytes ?? null);
  sum.writtenBytes = plus(sum.writtenBytes, io?.writtenBytes ?? null);
  if (depth === "whole") sum.pssBytes = plus(sum.pssBytes, pssOf(pid));
}

/** A sum with a part missing would read as a whole one. */
function plus(sum: number | null, part: number | null): number | null {
  return sum === null || part === null ? null : sum + part;
}

/** A group counts better than its processes do: shared pages once, and what has ended, too. */
function countersOf(sum: Sum, bytesOfPages: (pages: number) => number): Counters {
  const { groups } = sum;
  return {
    processes: sum.processes,
    threads: groups.tasks ?? sum.threads,
    tasksLimit: groups.tasksLimit,
    memoryLimitBytes: groups.memoryLimitBytes,
    memoryNeededBytes: groups.memoryNeededBytes,
    memoryKills: groups.memoryKills,
    fds: sum.fds,
    mostFds: sum.mostFds,
    sockets: sum.sockets,
    listens: sum.listens,
    memoryBytes: groups.memoryBytes ?? bytesOfPages(sum.pages),
    pssBytes: sum.pssBytes,
    cpuMs: groups.cpuMs ?? sum.cpuMs,
    readBytes: sum.readBytes,
    writtenBytes: sum.writtenBytes,
  };
}

function statOf(pid: number): StatUse | null {
  const text = readable(() => readText(`/proc/${pid}/stat`));
  return text === null ? null : parseStatUse(text);
}

type PortsOf = (pid: number) => ReadonlyMap<string, Listener>;

/** A process in another network namespace has ports of its own; each namespace is read once in a look. */
function listenersByNamespace(): PortsOf {
  const known = new Map<string, ReadonlyMap<string, Listener>>();
  const own = readable(() => readlinkSync("/proc/self/ns/net"));
  return (pid) => {
    const namespace = readable(() => readlinkSync(`/proc/${pid}/ns/net`)) ?? own ?? "";
    let listeners = known.get(namespace);
    if (listeners === undefined) {
      listeners = listenersIn(namespace === own ? OWN_NET : `/proc/${pid}/net`);
      known.set(namespace, listeners);
    }
    return listeners;
  };
}

/** Null for a process whose files are not ours to list. */
function filesOf(pid: number, ports: PortsOf): Files | null {
  const names = readable(() => readdirSync(`/proc/${pid}/fd`));
  if (names === null) return null;
  const inodes = names.flatMap((name) => {
    const target = readable(() => readlinkSync(`/proc/${pid}/fd/${name}`)) ?? "";
    return target.startsWith(SOCKET) ? [target.slice(SOCKET.length, -1)] : [];
  });
  const listeners = inodes.length === 0 ? null : ports(pid);
  const listens = [...new Set(inodes)].flatMap((inode) => {
    const listener = listeners?.get(inode);
    return listener === undefined ? [] : [{ ...listener, pid }];
  });
  return { fds: names.length, sockets: inodes.length, listens };
}

function ioOf(pid: number): { readonly readBytes: number; readonly writtenBytes: number } | null {
  const text = readable(() => readText(`/proc/${pid}/io`));
  if (text === null) return null;
  const value = (key: string): number =>
    Number(new RegExp(`^${key}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  const writtenBytes = value("write_bytes") - value("cancelled_write_bytes");
  return { readBytes: value("read_bytes"), writtenBytes: Math.max(0, writtenBytes) };
}

/** Dear: the kernel walks every mapping. */
function pssOf(pid: number): number | null {
  const text = readable(() => readText(`/proc/${pid}/smaps_rollup`));
  const kib = /^Pss:\s+(\d+) kB$/m.exec(text ?? "")?.[1];
  return kib === undefined ? null : Number(kib) * KIB;
}

function factsOf(
  pid: number,
  ports: PortsOf,
  nowTicks: number,
  bytesOfPages: (pages: number) => number,
): ProcessFacts | null {
  const stat = statOf(pid);
  if (stat === null) return null;
  const files = filesOf(pid, ports);
  return {
    pid,
    ppid: stat.ppid,
    startTicks: stat.startTicks,
    ageMs: Math.max(0, nowTicks - stat.startTicks) * TICK_MS,
    name: stat.name,
    state: stat.state,
    argv: readable(() => readArgv(pid)) ?? [],
    threads: stat.threads,
    memoryBytes: bytesOfPages(stat.residentPages),
    pssBytes: pssOf(pid),
    cpuMs: stat.cpuMs,
    fds: files?.fds ?? null,
    sockets: files?.sockets ?? null,
    listens: files?.listens ?? [],
  };
}

/** The groups that hold the set's own. */
function above(set: ProcessSet): ProcessSet {
  const parent = (group: string | null | undefined): string | null =>
    group == null ? null : dirname(group);
  return {
    ...set,
    cgroup: parent(set.cgroup),
    pidsCgroup: parent(set.pidsCgroup),
    memoryCgroup: parent(set.memoryCgroup),
  };
}

function ownUse(): OwnUse {
  const { system, user } = process.cpuUsage();
  return {
    fds: readable(() => readdirSync("/proc/self/fd").length),
    fdsLimit: openFilesLimit("self"),
    memoryBytes: process.memoryUsage.rss(),
    cpuMs: (system + user) / 1_000,
  };
}

/** Null where it is unlimited, or not to be read. */
function openFilesLimit(pid: number | "self"): number | null {
  const text = readable(() => readText(`/proc/${pid}/limits`));
  const limit = /^Max open files\s+(\d+)/m.exec(text ?? "")?.[1];
  return limit === undefined ? null : Number(limit);
}

/** What may not be read, or has ended meanwhile, is not known. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
