import { describe, expect, test } from "vitest";
import type { AgentView } from "../../../src/contract/agent.ts";
import { EVENT_KINDS } from "../../../src/contract/events.ts";
import { asTree, chosen, inOrder, needsAttention, tally } from "../../../web/src/live/agents.ts";
import { said } from "../../../web/src/live/events-text.ts";
import { agentPath, placeOf, taskPath } from "../../../web/src/live/places.ts";
import { pause, paced } from "../../../web/src/live/paced.ts";
import type { ResourceReportAnswer } from "../../../src/contract/resource-report.ts";
import { lineThrough, type Sample, withReport } from "../../../web/src/live/samples.ts";
import { ago, bytes, span } from "../../../web/src/parts/format.ts";
import { waitFor } from "../../helpers/daemon-process.ts";
import { anAgent } from "../cli/fake-ports.ts";

function agent(id: string, more: Partial<AgentView> = {}): AgentView {
  return { ...anAgent(id), ...more };
}

const ids = (agents: readonly AgentView[]) => agents.map(({ agent_id: id }) => id);

describe("agents", () => {
  const ended = { status: "failed", ended_at: "2026-01-02T00:00:00.000Z" } as const;
  const old = agent("old-1", { created_at: "2025-01-01T00:00:00.000Z" });
  const young = agent("young-1");
  const gone = agent("gone-1", ended);
  const stuck = agent("stuck-1", { ...ended, cleanup: { state: "stuck", held: 2, stuck: 1 } });
  const reported = { status: "blocked", message: "needs a key", progress: 3, at: "" };
  const blocked = agent("blocked-1", { reported });
  const all = [gone, old, stuck, young, blocked];

  test("are in order: live first, the newest first", () => {
    expect(ids(inOrder(all))).toEqual(["blocked-1", "young-1", "old-1", "gone-1", "stuck-1"]);
  });

  test("are chosen by how they are and by words in any order", () => {
    expect(ids(chosen(all, { shown: "ended", text: "" }))).toEqual(["gone-1", "stuck-1"]);
    expect(ids(chosen(all, { shown: "attention", text: "" }))).toEqual(["stuck-1", "blocked-1"]);
    expect(ids(chosen(all, { shown: "all", text: "KEY block" }))).toEqual(["blocked-1"]);
    expect(chosen(all, { shown: "live", text: "gone" })).toEqual([]);
  });

  test("need attention when they wait for a person, and not once they have ended", () => {
    const waiting = agent("w-1", { activity: "waiting_permission" });
    expect(needsAttention(waiting)).toBe(true);
    expect(needsAttention({ ...waiting, status: "killed" })).toBe(false);
    expect(needsAttention({ ...blocked, status: "completed" })).toBe(false);
  });

  test("are counted", () => {
    expect(tally(all)).toMatchObject({ live: 3, ended: 2, attention: 2, stuck: 1, failed: 2 });
  });

  test("stand as a tree, each once: orphans at the root, children behind their parent", () => {
    const child = agent("child-1", { parent: "old-1" });
    const grandchild = agent("grandchild-1", { parent: "child-1" });
    const orphan = agent("orphan-1", { parent: "nobody-1" });
    const tree = asTree([grandchild, orphan, child, old]);
    expect(tree.map(({ agent: { agent_id: id }, level }) => `${level} ${id}`)).toEqual([
      "0 old-1",
      "1 child-1",
      "2 grandchild-1",
      "0 orphan-1",
    ]);
  });
});

describe("addresses", () => {
  test.for([
    ["/", { page: "overview" }],
    ["/cleanup", { page: "cleanup" }],
    ["/settings/x", { page: "unknown" }],
    ["/tasks/", { page: "unknown" }],
    ["/agents/%E0%A4%A", { page: "unknown" }],
    ["/agents/a/b", { page: "unknown" }],
    [taskPath("TASK-1"), { page: "task", id: "TASK-1" }],
    [agentPath("a b/ö-1"), { page: "agent", id: "a b/ö-1" }],
  ] as const)("%s", ([path, place]) => {
    expect(placeOf(path)).toEqual(place);
  });
});

test.for(EVENT_KINDS)("an event %s is told in words, whatever its facts are", (kind) => {
  const base = { seq: 1, at: "", task_id: null, agent_id: "a-1", kind };
  for (const facts of [{}, { message: { odd: true }, errors: 3, status: null }]) {
    expect(said({ ...base, facts }).text).toMatch(/\w/);
    expect(said({ ...base, facts }).text).not.toMatch(/undefined|null|\[object/);
  }
});

test("an alert is told with what to do, and as over when it is", () => {
  const base = { seq: 1, at: "", task_id: null, agent_id: null, kind: "alert" as const };
  const facts = { alert: "limit_near", message: "memory is at 95 %.", next_step: "End it." };
  const raised = said({ ...base, facts: { ...facts, state: "raised" } });
  expect(raised).toEqual({ text: "memory is at 95 %. End it.", tone: "bad" });
  const ended = { alert: "limit_near", message: "It has ended.", state: "cleared" };
  expect(said({ ...base, facts: ended })).toEqual({
    text: "No longer so: It has ended",
    tone: "good",
  });
});

test("times and sizes are told in units", () => {
  expect([span(0), span(65_000), span(3_600_000), span(90_061_000)]).toEqual([
    "0 s",
    "1 min 5 s",
    "1 h",
    "1 d 1 h",
  ]);
  expect([bytes(0), bytes(1_023), bytes(1_536), bytes(2 ** 40 * 250)]).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "250 TiB",
  ]);
  expect(ago("2026-01-01T00:00:00.000Z", Date.parse("2026-01-01T02:00:00.000Z"))).toBe("2 h ago");
});

describe("samples", () => {
  const reportAt = (seconds: number, cpuMs: number | null): ResourceReportAnswer => ({
    scope: "agent",
    id: "a-1",
    at: new Date(seconds * 1_000).toISOString(),
    held: [],
    use: {
      processes: 3,
      threads: 3,
      fds: null,
      memory_bytes: 1_024,
      memory_source: "cgroup",
      cpu_ms: cpuMs,
      cpu_source: "cgroup",
    },
    daemon: null,
    disk: [],
    limits: [],
    agents: [],
    alerts: [],
    ports: [],
    unknown: [],
  });

  test("tell the processor's share between two looks, and nothing where it cannot be told", () => {
    const looks = [reportAt(0, 0), reportAt(2, 1_000), reportAt(4, 400), reportAt(6, null)];
    let samples: readonly Sample[] = [];
    for (const [index, look] of looks.entries()) {
      samples = withReport(samples, look, looks[index - 1] ?? null);
    }
    expect(samples.map(({ cores }) => cores)).toEqual([null, 0.5, null, null]);
    expect(withReport(samples, looks[3]!, looks[3]!)).toBe(samples);
  });

  test("are bounded", () => {
    let samples: readonly Sample[] = [];
    let last: ResourceReportAnswer | null = null;
    for (let second = 0; second < 1_000; second += 1) {
      const look = reportAt(second, second);
      samples = withReport(samples, look, last);
      last = look;
    }
    expect(samples.length).toBeLessThanOrEqual(300);
    expect(samples.at(-1)?.at).toBe(999_000);
  });

  test("become a line whose highest point is at the top", () => {
    expect(lineThrough([0, 5, null, 10])).toBe("0,100 33.3,50 100,0");
    expect(lineThrough([0, 0])).toBe("0,100 100,100");
    expect([lineThrough([]), lineThrough([3]), lineThrough([null, 3])]).toEqual(["", "", ""]);
  });
});

describe("paced work", () => {
  test("runs never twice at once, and once more for all calls meanwhile", async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const go = paced(
      1,
      async () => {
        running += 1;
        most = Math.max(most, running);
        await pause(5);
        running -= 1;
        runs += 1;
      },
      () => false,
    );
    for (let call = 0; call < 20; call += 1) go();
    await waitFor("the second run", () => runs === 2 || undefined);
    go();
    // Had those calls been more than one run, this would not be the third.
    await waitFor("the third run", () => runs >= 3 || undefined);
    expect({ most, runs }).toEqual({ most: 1, runs: 3 });
  });

  test("is tried again while its failures are worth it", async () => {
    let tries = 0;
    const go = paced(
      1,
      () => Promise.reject(new Error(`try ${(tries += 1)}`)),
      () => tries < 3,
    );
    go();
    await waitFor("the third try", () => tries === 3 || undefined);
  });
});
