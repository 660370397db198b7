import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DISK_LEVELS, parseFloor } from "../../../src/output/disk-floors.ts";
import {
  type AgentDisk,
  decideDisk,
  type DiskView,
  type FileSystemView,
} from "../../../src/output/disk-policy.ts";

const FLOORS = {
  warn: parseFloor("20%"),
  refuse: parseFloor("15%"),
  relieve: parseFloor("12%"),
  stop: parseFloor("10%"),
};

const disk = (over: Partial<FileSystemView> = {}, freeBytes = 500): FileSystemView => ({
  id: "1",
  path: "/state",
  space: { totalBytes: 1_000, freeBytes, totalInodes: 0, freeInodes: 0 },
  level: "fine",
  previous: "fine",
  ...over,
});
const STOP = { level: "stop", previous: "stop" } as const;

const agent = (agentId: string, over: Partial<AgentDisk> = {}): AgentDisk => ({
  agentId,
  taskId: "T",
  fileSystems: ["1"],
  outputBytes: 10,
  diskBytes: 10,
  bytesPerSecond: 0,
  outputLimit: null,
  diskLimit: null,
  isStopping: false,
  ...over,
});

const stoppingIf =
  (agentId: string) =>
  (one: AgentDisk): AgentDisk =>
    agent(one.agentId, { ...one, isStopping: one.agentId === agentId });

const view = (over: Partial<DiskView>): DiskView => ({
  fileSystems: [disk()],
  agents: [],
  tasks: [],
  ...over,
});

const decided = (over: Partial<DiskView>) => decideDisk(view(over), FLOORS);
const stops = (over: Partial<DiskView>) =>
  decided(over).flatMap((action) => (action.do === "stop" ? [action] : []));

test("a disk with room asks for nothing", () => {
  const agents = [agent("a", { bytesPerSecond: 1e9 })];
  expect(decided({ agents })).toEqual([]);
});

test("a change of level is told once, in both directions", () => {
  const down = disk({ level: "warn" });
  expect(decided({ fileSystems: [down] })).toEqual([{ do: "tell", fileSystem: down }]);
  const up = disk({ previous: "stop" });
  expect(decided({ fileSystems: [up] })).toEqual([{ do: "tell", fileSystem: up }]);
  expect(decided({ fileSystems: [disk({ level: "warn", previous: "warn" })] })).toEqual([]);
});

test("room is made from `relieve` on, as much as is missing to admit agents again", () => {
  const fileSystem = disk({ level: "relieve", previous: "relieve" }, 110);
  expect(decided({ fileSystems: [fileSystem] })).toEqual([
    { do: "relieve", fileSystem, wantedBytes: 40 },
  ]);
  const inodes = disk({ level: "relieve", previous: "relieve" }, 900);
  expect(decided({ fileSystems: [inodes] })).toMatchObject([{ wantedBytes: 0 }]);
});

describe("caps", () => {
  test.for([
    ["limit_output_mb", { outputBytes: 100, outputLimit: 100 }],
    ["limit_disk_mb", { diskBytes: 100, diskLimit: 100 }],
  ] as const)("an agent at %s is stopped, with its grace", ([setting, use]) => {
    const [stop, ...more] = stops({
      agents: [agent("a", use), agent("b", { bytesPerSecond: 9e9 })],
    });
    expect(stop).toMatchObject({ agentId: "a", atOnce: false });
    expect(stop?.reason).toContain("100 B of 100 B");
    expect(stop?.reason).toContain(setting);
    expect(more).toEqual([]);
  });

  test("one below its cap, and one that is being stopped, are left alone", () => {
    const agents = [
      agent("a", { outputBytes: 99, outputLimit: 100 }),
      agent("b", { outputBytes: 200, outputLimit: 100, isStopping: true }),
    ];
    expect(stops({ agents })).toEqual([]);
  });

  const tasks = [{ taskId: "T", bytes: 1_000, limit: 1_000 }];

  test("a task at its cap loses the one that writes most, and one at a time", () => {
    const agents = [
      agent("quiet"),
      agent("slow", { bytesPerSecond: 20_000 }),
      agent("fast", { bytesPerSecond: 30_000 }),
      agent("other", { bytesPerSecond: 9e9, taskId: "U" }),
    ];
    expect(stops({ agents, tasks }).map(({ agentId }) => agentId)).toEqual(["fast"]);
    const stopping = agents.map(stoppingIf("fast"));
    expect(stops({ agents: stopping, tasks })).toEqual([]);
  });

  test("a task at its cap whose agents write nothing keeps them", () => {
    expect(stops({ agents: [agent("quiet")], tasks })).toEqual([]);
  });
});

describe("the floor", () => {
  const agents = [
    agent("quiet"),
    agent("slow", { bytesPerSecond: 20_000 }),
    agent("fast", { bytesPerSecond: 30_000 }),
    agent("elsewhere", { bytesPerSecond: 9e9, fileSystems: ["2"] }),
  ];

  test("the one that writes most to that disk is stopped, with its grace", () => {
    const [stop, ...more] = stops({ fileSystems: [disk(STOP, 99)], agents });
    expect(stop).toMatchObject({ agentId: "fast", atOnce: false });
    expect(stop?.reason).toContain("99 B of 1000 B");
    expect(stop?.reason).toContain("disk_stop_free");
    expect(more).toEqual([]);
  });

  test("nobody else is, while one of that disk is being stopped", () => {
    const stopping = agents.map(stoppingIf("slow"));
    expect(stops({ fileSystems: [disk(STOP, 99)], agents: stopping })).toEqual([]);
  });

  test("below half of it the grace is over, also of one that is being stopped", () => {
    const stopping = agents.map(stoppingIf("fast"));
    expect(stops({ fileSystems: [disk(STOP, 49)], agents: stopping })).toMatchObject([
      { agentId: "fast", atOnce: true },
    ]);
  });

  test("who writes nothing is never stopped for it", () => {
    expect(stops({ fileSystems: [disk(STOP, 0)], agents: [agent("quiet")] })).toEqual([]);
  });

  test("an agent at its cap is stopped once, for its cap", () => {
    const one = agent("a", { bytesPerSecond: 90_000, outputBytes: 5, outputLimit: 5 });
    const found = stops({ fileSystems: [disk(STOP, 99)], agents: [one] });
    expect(found).toHaveLength(1);
    expect(found[0]?.reason).toContain("limit_output_mb");
  });
});

test("whatever is seen, at most one agent is stopped for each disk and each task, and none that is fine", () => {
  const anyAgent = fc.record({
    agentId: fc.constantFrom("a", "b", "c", "d"),
    taskId: fc.constantFrom("T", "U"),
    fileSystems: fc.subarray(["1", "2"]),
    outputBytes: fc.nat(100),
    diskBytes: fc.nat(100),
    bytesPerSecond: fc.nat(100_000),
    outputLimit: fc.constant(null),
    diskLimit: fc.constant(null),
    isStopping: fc.boolean(),
  });
  const anyDisk = (id: string) =>
    fc.record({
      id: fc.constant(id),
      path: fc.constant(`/${id}`),
      space: fc.record({
        totalBytes: fc.constant(1_000),
        freeBytes: fc.nat(1_000),
        totalInodes: fc.constant(0),
        freeInodes: fc.constant(0),
      }),
      level: fc.constantFrom(...DISK_LEVELS),
      previous: fc.constantFrom(...DISK_LEVELS),
    });
  const anyView = fc.record({
    fileSystems: fc.tuple(anyDisk("1"), anyDisk("2")),
    agents: fc.uniqueArray(anyAgent, { selector: ({ agentId }) => agentId }),
    tasks: fc.constant([]),
  });
  fc.assert(
    fc.property(anyView, (seen) => {
      const found = decideDisk(seen, FLOORS).filter((action) => action.do === "stop");
      const short = seen.fileSystems.filter(({ level }) => level === "stop");
      expect(found.length).toBeLessThanOrEqual(short.length);
      for (const { agentId } of found) {
        const one = seen.agents.find((other) => other.agentId === agentId);
        expect(one?.bytesPerSecond).toBeGreaterThanOrEqual(16_384);
        expect(one?.fileSystems.some((id) => short.some((seenDisk) => seenDisk.id === id))).toBe(
          true,
        );
      }
    }),
  );
});
