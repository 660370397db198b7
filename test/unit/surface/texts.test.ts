import { describe, expect, test } from "vitest";
import type { AgentView, Receipt } from "../../../src/contract/agent.ts";
import { nearest } from "../../../src/surface/http/nearest.ts";
import { shownValue } from "../../../src/surface/mcp/parse-input.ts";
import { textsOf } from "../../../src/surface/mcp/texts.ts";
import { changedBy } from "../../../src/surface/mcp/resources.ts";
import type { CorralEvent } from "../../../src/contract/events.ts";
import { fakeOperations } from "../../helpers/fake-operations.ts";

const AT = "2026-11-22T12:00:00.000Z";
const STUCK: Receipt = {
  owner: "builder-120000-abcdef",
  cleanup: { state: "stuck", held: 1, stuck: 1 },
  resources: [
    { resource_id: 1, kind: "process_set", locator: "x", state: "releasing", seen: null, at: null },
    { resource_id: 2, kind: "token", locator: "y", state: "released", seen: "absent", at: AT },
  ],
  survivors: [{ pid: 77, name: "hydra" }],
  usage: null,
};

describe("texts for models", () => {
  test("a stop that left survivors names them and never says done", () => {
    const [text] = textsOf("kill_real_agent", {
      agent_id: STUCK.owner,
      status: "killed",
      reason: "Manual termination",
      receipt: STUCK,
    });
    expect(text).toContain("1 of 2 resources released, cleanup stuck");
    expect(text).toContain("hydra (77)");
  });

  test("a claim that is not accepted says what blocks it", () => {
    const update = {
      seq: 1,
      agent_id: "a",
      status: "completed",
      message: "done",
      progress: 100,
      at: AT,
    };
    const validation = {
      accepted: false,
      mode: "strict" as const,
      confidence: 0.2,
      warnings: ["short"],
      blockers: ["no file changed"],
    };
    const [text] = textsOf("update_agent_progress", {
      own_update: update,
      validation,
      peers: { progress: [update], findings: [] },
      inbox: null,
    });
    expect(text).toMatch(/not accepted: keep working.*0\.20/);
    expect(text).toContain("Blocker: no file changed");
    expect(text).toContain("Others report:\n- a completed 100%: done");
  });

  test("a task of 1 000 agents is told in a page", async () => {
    const operations = fakeOperations();
    const { taskId, agentId } = await operations.seed();
    const status = await operations.tool(
      "get_real_task_status",
      { task_id: taskId, max_agents: 200 },
      { kind: "client" },
    );
    const agent: AgentView = operations.agent(agentId);
    const agents = Array.from({ length: 1_000 }, (_, n) => ({ ...agent, agent_id: `a-${n}` }));
    const [text = ""] = textsOf("get_real_task_status", { ...status, agents });
    expect(text).toContain("(980 older not shown)");
    expect(text).toContain("a-999: running");
    expect(text.length).toBeLessThan(4_000);
  });

  test("no output is said, gaps and stderr are named behind the output", () => {
    const answer = {
      agent_id: "a",
      status: "failed" as const,
      output: "",
      next_cursor: 9,
      prev_cursor: null,
      source: "stream" as const,
      gaps: [{ from: 1, to: 4, reason: "dropped" }],
      truncated: true,
      stderr: "boom",
      metadata: null,
    };
    const [output, footer] = textsOf("get_agent_output", answer);
    expect(output).toBe("(no output)");
    expect(footer).toBe(
      "[a is failed; read on with cursor 9; truncated]\n[bytes 1 to 4 are missing: dropped]\nstderr ends: boom",
    );
    expect(textsOf("get_agent_output", { ...answer, output: [{ a: 1 }, 2] })[0]).toBe('{"a":1}\n2');
  });
});

test("a plan names its steps and the call that applies it; an applied one says what it left", () => {
  const step = { kind: "process", owner: null, why: "no row holds it", seen: null } as const;
  const steps = [
    { ...step, locator: "sleep (7)", outcome: "planned" as const },
    { ...step, locator: "sleep (8)", outcome: "planned" as const },
  ];
  const plan = { plan_id: "plan-9", applied: false, steps, unknown: ["tmux sessions: no answer"] };
  const [text] = textsOf("sweep_resources", plan);
  expect(text).toContain("plan-9: 2 planned.");
  expect(text).toContain("- planned: process sleep (8) (no row holds it)");
  expect(text).toContain("Could not look at tmux sessions: no answer");
  expect(text).toMatch(/Next: sweep_resources with apply true and plan_id "plan-9"/);
  const [first, second] = steps;
  const done = [
    { ...first!, outcome: "released" as const, seen: "no process 7" },
    { ...second!, outcome: "changed" as const, seen: "it is not there any more" },
  ];
  const [applied] = textsOf("sweep_resources", { ...plan, applied: true, steps: done });
  expect(applied).toContain("plan-9: 1 released, 1 changed.");
  expect(applied).not.toContain("Next:");
});

describe("values shown back", () => {
  test.for([
    [undefined, "nothing"],
    ["a\0b", '"a\\u0000b"'],
    ["\u202Eevil", '"\\u{202e}evil"'],
    [null, "null"],
    [[1, 2], "[1,2]"],
  ] as const)("%j is shown as %s", ([value, shown]) => {
    expect(shownValue(value)).toBe(shown);
  });

  test("long ones are cut, and never in half a character", () => {
    expect(shownValue("x".repeat(10_240))).toMatch(/^"x{59}… \(10240 characters\)$/);
    expect(shownValue("😀".repeat(100)).isWellFormed()).toBe(true);
    expect(shownValue({ a: "x".repeat(1_000) }).length).toBeLessThan(80);
  });
});

test("a shortened name finds its whole", () => {
  const names = ["kill_real_agent", "deploy_headless_agent", "get_agent_output"];
  expect(nearest("deploy_agent", names)).toBe("deploy_headless_agent");
  expect(nearest("get_agent_outptu", names)).toBe("get_agent_output");
  expect(nearest("", names)).toBe("kill_real_agent");
});

test.for([
  ["agent.progress", "TASK-1", ["task://TASK-1/status", "task://TASK-1/progress-timeline"]],
  ["agent.settled", "TASK-1", ["tasks://list", "task://TASK-1/status"]],
  ["daemon.started", null, []],
] as const)("%s changes the resources that show it", ([kind, task_id, uris]) => {
  const event: CorralEvent = { seq: 1, at: AT, kind, task_id, agent_id: null, facts: {} };
  expect(changedBy(event)).toEqual(uris);
});
