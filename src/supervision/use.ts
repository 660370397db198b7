/** Adding up what processes and groups use. Pure. */
import type { ResourceUse } from "../contract/resource-report.ts";
import type { GroupUse, ProcessUse } from "./meters.ts";

/** One set: its group counts better than its processes do, where there is one. */
export function useOf(own: readonly ProcessUse[], groups: GroupUse | null): ResourceUse {
  const resident = total(own.map(({ memoryBytes }) => memoryBytes));
  const cpu = total(own.map(({ cpuMs }) => cpuMs));
  const memoryBytes = groups?.memoryBytes ?? null;
  const cpuMs = groups?.cpuMs ?? null;
  return {
    processes: own.length,
    threads: total(own.map(({ threads }) => threads)),
    fds: total(own.map(({ fds }) => fds)),
    memory_bytes: memoryBytes ?? resident,
    memory_source: memoryBytes !== null ? "cgroup" : resident === null ? "none" : "resident",
    cpu_ms: cpuMs ?? cpu,
    cpu_source: cpuMs !== null ? "cgroup" : cpu === null ? "none" : "processes",
  };
}

/** All sets of a scope. A sum is only as good as the worst of its sources. */
export function sumOf(uses: readonly ResourceUse[]): ResourceUse {
  const memory = uses.map(({ memory_source: source }) => source);
  const cpu = uses.map(({ cpu_source: source }) => source);
  return {
    processes: uses.reduce((sum, { processes }) => sum + processes, 0),
    threads: total(uses.map(({ threads }) => threads)),
    fds: total(uses.map(({ fds }) => fds)),
    memory_bytes: total(uses.map(({ memory_bytes: bytes }) => bytes)),
    memory_source: worst(memory, ["none", "resident", "cgroup"]),
    cpu_ms: total(uses.map(({ cpu_ms: ms }) => ms)),
    cpu_source: worst(cpu, ["none", "processes", "cgroup"]),
  };
}

/** Null as soon as one is not known: a sum with a part missing would read as a whole one. */
function total(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (sum, value) => (sum === null || value === null ? null : sum + value),
    0,
  );
}

function worst<T extends string>(values: readonly T[], fromWorst: readonly T[]): T {
  const [none] = fromWorst;
  return fromWorst.find((one) => values.includes(one)) ?? none!;
}
