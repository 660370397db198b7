import { describe, expect, test } from "vitest";
import type { ProcessFacts } from "../../../../src/supervision/sampling/ports.ts";
import {
  nameOfProcess,
  processTree,
  PROCESSES_MOST,
} from "../../../../src/supervision/sampling/process-tree.ts";

const facts = (pid: number, ppid: number, over: Partial<ProcessFacts> = {}): ProcessFacts => ({
  pid,
  ppid,
  startTicks: pid,
  ageMs: 61_500,
  name: "sh",
  state: "S",
  argv: ["sh"],
  threads: 1,
  memoryBytes: 10,
  pssBytes: null,
  cpuMs: 100,
  fds: 3,
  sockets: 0,
  listens: [],
  ...over,
});
const shape = (all: readonly ProcessFacts[]) =>
  processTree(all, new Map(), 0).processes.map(({ depth, pid }) => [pid, depth]);

describe("the tree of processes", () => {
  test("has each before its children, oldest first, and who has lost its parent at the top", () => {
    const all = [facts(30, 20), facts(20, 1), facts(25, 20), facts(40, 30), facts(22, 7)];
    expect(shape(all)).toEqual([
      [20, 0],
      [25, 1],
      [30, 1],
      [40, 2],
      [22, 0],
    ]);
  });

  test("lists a bounded number, and says how many more there are", () => {
    const many = Array.from({ length: PROCESSES_MOST + 7 }, (_, at) => facts(at + 10, 1));
    const tree = processTree(many, new Map(), 0);
    expect([tree.processes.length, tree.leftOut]).toEqual([PROCESSES_MOST, 7]);
  });

  test("masks secrets in command lines and shortens them", () => {
    const argv = ["tool", "--api-key", "hunter2hunter2", "x".repeat(500)];
    const [shown] = processTree([facts(20, 1, { argv })], new Map(), 0).processes;
    expect(shown?.argv).not.toContain("hunter2");
    expect(shown?.argv.length).toBeLessThan(250);
  });

  test("tells rates since it was asked last, and none of a process that has only taken over the pid", () => {
    const earlier = new Map([[nameOfProcess(facts(20, 1)), { at: 0, cpuMs: 40 }]]);
    const asked = [facts(20, 1), facts(21, 1)];
    const { processes } = processTree(asked, earlier, 2_000);
    expect(processes.map(({ cpu_ms_per_s: rate }) => rate)).toEqual([30, null]);
    const other = processTree([facts(20, 1, { startTicks: 9 })], earlier, 2_000);
    expect(other.processes[0]).toMatchObject({ cpu_ms_per_s: null, age_s: 61 });
  });
});
