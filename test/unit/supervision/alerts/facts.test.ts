/** What the rules are given: facts of the store and of samples, and nothing where nobody could look. */
import { describe, expect, test } from "vitest";
import type { AgentRecord } from "../../../../src/agents/record.ts";
import type { SamplesAnswer } from "../../../../src/contract/sampling.ts";
import { conditionsNow, overConditions } from "../../../../src/supervision/alerts/facts.ts";
import { type AlertState, judgeAlerts } from "../../../../src/supervision/alerts/judge.ts";
import { NO_SAMPLE, type Reading } from "../../../../src/supervision/sampling/sample.ts";
import type { GroupUse } from "../../../../src/supervision/meters.ts";
import type { Setting } from "../../../../src/supervision/setting.ts";
import { recordingLog } from "../../../helpers/serving.ts";

const NOW = 1_000_000;

const agent = (over: Partial<AgentRecord> = {}): AgentRecord =>
  ({
    id: "a",
    taskId: "T1",
    harness: "claude",
    status: "running",
    endedAt: null,
    trouble: null,
    usage: null,
    createdAt: 0,
    startedAt: 0,
    wallUntil: 10 * NOW,
    outputBytes: 0,
    outputLimit: null,
    diskBytes: 0,
    diskLimit: null,
    tokenLimit: null,
    costLimit: null,
    ...over,
  }) as AgentRecord;

const READING = {
  threads: 95,
  tasksLimit: 100,
  memoryNeededBytes: 1,
  memoryLimitBytes: 10,
  memoryKills: 0,
} as Reading;
const QUIET = { ...NO_SAMPLE, cpu_ms_per_s: 0, output_bytes_per_s: 0 };

/** The row of a process set that has a group. */
const SET = { kind: "process_set", identity: { agentId: "a", cgroup: "/g/a", pidsCgroup: null } };

const use = (over: Partial<GroupUse>): GroupUse => ({
  memoryBytes: null,
  memoryLimitBytes: null,
  memoryNeededBytes: null,
  memoryKills: null,
  cpuMs: null,
  tasks: 8,
  tasksLimit: 8,
  ...over,
});

interface Stage {
  readonly agents?: readonly AgentRecord[];
  readonly readings?: ReadonlyMap<string, Reading>;
  readonly samples?: SamplesAnswer["agents"];
  readonly stuck?: readonly {
    readonly owner: string;
    readonly held: number;
    readonly error: string;
  }[];
  /** Tasks whose agents have ended lately. */
  readonly lately?: readonly string[];
  readonly isClosed?: boolean;
  readonly isBroken?: boolean;
  readonly together?: GroupUse | null;
  readonly states?: ReadonlyMap<string, AlertState>;
}

function looked({
  agents = [agent()],
  readings,
  samples = [],
  stuck = [],
  lately = [],
  isClosed = false,
  isBroken = false,
  together = null,
  states = new Map(),
}: Stage) {
  const { log, logged } = recordingLog();
  const setting = {
    clock: { now: () => NOW },
    configuration: () => ({ alert_silent_ms: 60_000 }),
    harnessOf: (name: string) => ({ program: name === "command" ? null : name }),
    log,
    sampleMeters: { together: () => together },
    store: {
      heldInGroup: () => (together === null ? null : SET),
      countLive: () => agents.filter(({ endedAt }) => endedAt === null).length,
      unfinishedAgents: () => agents,
      agent: (id: string) => agents.find((one) => one.id === id) ?? null,
      task: (id: string) =>
        id === "T1"
          ? {
              id,
              status: isClosed ? "closed" : "open",
              limits: { running: 1, total: 10, depth: 5, disk: null },
            }
          : null,
      countAgents: () => 9,
      diskUse: () => 0,
      taskSpent: () => ({ tokens: 0, costUsd: 0 }),
      stuckOwners: () => {
        if (isBroken) throw new Error("the database does not answer");
        return stuck;
      },
    },
  } as unknown as Setting;
  const sampler = {
    readings: () => readings ?? new Map([["a", READING]]),
    samples: () => ({ agents: samples }) as unknown as SamplesAnswer,
  };
  const own = { fds: 90, fdsLimit: 100, memoryBytes: 1, cpuMs: 1 };
  return { setting, logged, conditions: conditionsNow(setting, sampler, [], own, states, lately) };
}

const holding = (stage: Stage) =>
  looked(stage)
    .conditions.filter(({ holds }) => holds === "yes")
    .map(({ key }) => key);

describe("facts", () => {
  test("become conditions of agents, their task and the daemon", () => {
    const keys = [
      "limit_near:processes:a",
      "limit_reached:running:T1",
      "limit_near:total:T1",
      "daemon_files:daemon",
    ];
    expect(holding({})).toEqual(expect.arrayContaining(keys));
    expect(holding({})).toHaveLength(keys.length);
  });

  test("of an agent far from every limit are no condition, unless an alert is about it", () => {
    const readings = new Map([["a", { ...READING, threads: 5 } as Reading]]);
    const near = looked({}).conditions.filter(({ key }) => key === "limit_near:processes:a");
    const { states } = judgeAlerts(new Map(), near, NOW);
    const ofAgent = (stage: Stage) =>
      looked(stage).conditions.filter(({ subject }) => subject.kind === "agent");
    expect(states.size).toBe(1);
    expect(ofAgent({ readings })).toEqual([]);
    expect(ofAgent({ readings, states })).toContainEqual(
      expect.objectContaining({ key: "limit_near:processes:a", holds: "no" }),
    );
  });

  test("tell of the process that has most files open, whatever the others have", () => {
    const of = (fds: number) => [["a", { ...READING, mostFds: { fds, limit: 10 } }]] as const;
    expect(holding({ readings: new Map(of(10)) })).toContain("limit_reached:open_files:a");
    expect(holding({ readings: new Map(of(9)) })).toContain("limit_near:open_files:a");
    expect(holding({ readings: new Map(of(8)) })).not.toContain("limit_near:open_files:a");
  });

  test("that nobody has read yet are no condition", () => {
    const { conditions } = looked({ readings: new Map() });
    expect(conditions.some(({ key }) => key.includes(":processes:"))).toBe(false);
  });

  test("tell silence of a known CLI, and not of a program of the user's, nor without a sample", () => {
    const samples = [{ agent_id: "a", task_id: "T1", sample: QUIET, listens: [] }];
    expect(holding({ samples })).toContain("agent_silent:a");
    expect(holding({ samples, agents: [agent({ harness: "command" })] })).not.toContain(
      "agent_silent:a",
    );
    expect(holding({ samples: [] })).not.toContain("agent_silent:a");
  });

  test("tell the clock's end before it is over", () => {
    expect(holding({ agents: [agent({ wallUntil: 1.05 * NOW })] })).toContain(
      "limit_near:wall_clock:a",
    );
  });

  test("of a store that does not answer raise and clear nothing", () => {
    const { conditions, logged } = looked({ isBroken: true });
    expect(conditions).toEqual([]);
    expect(logged.map(({ event }) => event)).toContain("alerts.no_look");
  });

  test("tell of all agents together what the group above theirs counts, and nothing where there is none", () => {
    const together = use({ memoryNeededBytes: 92, memoryLimitBytes: 100 });
    const keys = [
      "limit_near:all_processes:daemon",
      "limit_reached:all_processes:daemon",
      "limit_near:all_memory:daemon",
    ];
    expect(holding({ together })).toEqual(expect.arrayContaining(keys));
    const found = looked({ together }).conditions.find(({ key }) => key === keys[1]);
    expect(found).toMatchObject({
      severity: "critical",
      subject: { kind: "daemon", id: "daemon" },
      evidence: "all_processes is at 8 of 8 (100 %).",
      nextStep: expect.stringContaining("limit_all_processes"),
    });
    const isOfAll = (key: string): boolean => key.includes(":all_");
    expect(holding({}).some(isOfAll)).toBe(false);
    const unlimited = { ...together, memoryLimitBytes: null, tasksLimit: null };
    expect(holding({ together: unlimited }).some(isOfAll)).toBe(false);
  });

  test("of one that waits for its quota are none: its clock does not run", () => {
    const waits = agent({ status: "queued", wallUntil: 1.05 * NOW });
    expect(holding({ agents: [waits] }).some((key) => key.endsWith(":a"))).toBe(false);
  });

  test("tell of memory that was used up by those that the kernel killed, whichever limit that was", () => {
    const killed = new Map([["a", { ...READING, memoryLimitBytes: null, memoryKills: 2 }]]);
    const found = looked({ readings: killed }).conditions.filter(
      ({ key }) => key === "out_of_memory:a",
    );
    expect(found).toMatchObject([{ holds: "yes", severity: "critical" }]);
    expect(found[0]?.evidence).toContain("killed 2 of its processes");
    expect(holding({})).not.toContain("out_of_memory:a");
  });

  test("tell what the last agent of a task has used up by its end", () => {
    expect(holding({ agents: [] })).not.toContain("limit_near:total:T1");
    expect(holding({ agents: [], lately: ["T1"] })).toContain("limit_near:total:T1");
    expect(holding({ agents: [], lately: ["T1"], isClosed: true })).not.toContain(
      "limit_near:total:T1",
    );
  });

  test("name who is stuck", () => {
    const stuck = [{ owner: "hook", held: 1, error: "process_set: alive" }];
    const found = looked({ stuck }).conditions.find(({ rule }) => rule === "cleanup_stuck");
    expect(found).toMatchObject({ holds: "yes", subject: { kind: "daemon", id: "hook" } });
    expect(found?.evidence).toContain("process_set: alive");
  });
});

describe("what is over", () => {
  const raised = (stage: Stage) => {
    const { conditions, setting } = looked(stage);
    const first = judgeAlerts(new Map(), conditions, 0).states;
    const states = judgeAlerts(first, conditions, 60_000).states;
    return { setting, states };
  };

  test("is cleared: an agent that has ended, a task that is closed, what was released", () => {
    const stuck = [{ owner: "a", held: 1, error: "bell" }];
    const { states } = raised({ stuck });
    const { setting } = looked({ agents: [agent({ endedAt: NOW })] });
    const over = overConditions(setting, states, []).map(({ holds, key }) => [key, holds]);
    expect(over).toContainEqual(["limit_near:processes:a", "no"]);
    expect(over).toContainEqual(["cleanup_stuck:a", "no"]);
    expect(over.map(([key]) => key)).not.toContain("daemon_files:daemon");
  });

  test("is cleared for all agents together once none of them is left, and not before", () => {
    const together = use({});
    const { states } = raised({ together });
    const keysOver = (agents: readonly AgentRecord[]) =>
      overConditions(looked({ agents }).setting, states, []).map(({ key }) => key);
    expect(keysOver([agent({ endedAt: NOW })])).toContain("limit_reached:all_processes:daemon");
    expect(keysOver([agent()])).not.toContain("limit_reached:all_processes:daemon");
  });

  test("is cleared of a task whose last agent has ended, though the task is open", () => {
    const { states } = raised({});
    const gone = { agents: [agent({ endedAt: NOW })], states };
    const of = (key: string) => looked(gone).conditions.find((one) => one.key === key);
    expect(of("limit_reached:running:T1")).toMatchObject({ holds: "no" });
    expect(of("limit_near:total:T1")).toMatchObject({ holds: "yes" });
  });

  test("is cleared of a task that was closed, whatever it had used up", () => {
    const { states } = raised({});
    const closed = { agents: [agent({ endedAt: NOW })], states, isClosed: true };
    const { conditions, setting } = looked(closed);
    expect(conditions.map(({ key }) => key)).not.toContain("limit_near:total:T1");
    const over = overConditions(setting, states, conditions).map(({ holds, key }) => [key, holds]);
    expect(over).toContainEqual(["limit_near:total:T1", "no"]);
  });

  test("is not what was only not looked at", () => {
    const { setting, states } = raised({});
    expect(overConditions(setting, states, [])).toEqual([]);
  });
});
