import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TOOLS, type ToolInput, type ToolName } from "../../../src/contract/tools.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { authorize } from "../../../src/supervision/authority.ts";

/** orchestrator → root → child → grandchild; orchestrator → other. */
const PARENTS: Readonly<Record<string, string>> = {
  root: "orchestrator",
  child: "root",
  grandchild: "child",
  other: "orchestrator",
};
const parentOf = (id: string) => PARENTS[id] ?? null;
const CALLER = { kind: "agent", agentId: "root", taskId: "T1" } as const;

/** FORBIDDEN's message, or null when the call may pass. */
function refused(name: ToolName, input: object, caller: Parameters<typeof authorize>[2] = CALLER) {
  try {
    authorize(name, input as ToolInput<ToolName>, caller, parentOf);
    return null;
  } catch (error) {
    if (error instanceof Fault && error.code === "FORBIDDEN") return error.message;
    throw error;
  }
}

const own = { task_id: "T1" };

describe("an agent", () => {
  test.for([
    ["get_real_task_status", own],
    ["update_agent_progress", { ...own, agent_id: "root" }],
    ["report_agent_finding", { ...own, agent_id: "root" }],
    ["spawn_child_agent", { ...own, parent_agent_id: "root" }],
    ["get_agent_output", { ...own, agent_id: "root" }],
    ["get_agent_output", { ...own, agent_id: "grandchild" }],
    ["get_resource_report", { scope: "task", id: "T1" }],
    ["get_resource_report", { scope: "agent", id: "root" }],
    ["get_resource_report", { scope: "agent", id: "grandchild" }],
    ["kill_real_agent", { ...own, agent_id: "child" }],
    ["kill_real_agent", { ...own, agent_id: "grandchild" }],
    ["send_agent_message", { ...own, agent_id: "child", text: "A word." }],
    ["send_agent_message", { ...own, agent_id: "grandchild", text: "A word." }],
    ["get_agent_messages", { ...own, agent_id: "root" }],
    ["get_agent_messages", { ...own, agent_id: "child" }],
    ["resume_agent", { ...own, agent_id: "child" }],
    ["get_task_findings", own],
    ["search_history", { ...own, query: "words" }],
    ["wait_for_agents", own],
    ["wait_for_agents", { ...own, agent_ids: ["child", "grandchild"] }],
  ] as const)("may %s %o", ([name, input]) => {
    expect(refused(name, input)).toBeNull();
  });

  test.for([
    ["create_real_task", {}],
    ["deploy_headless_agent", own],
    ["sweep_resources", { apply: false }],
    ["get_resource_report", { scope: "daemon" }],
    ["get_resource_report", { scope: "task", id: "T2" }],
    ["get_resource_report", { scope: "agent", id: "other" }],
    ["get_real_task_status", { task_id: "T2" }],
    ["send_agent_message", { ...own, agent_id: "root", text: "To itself." }],
    ["send_agent_message", { ...own, agent_id: "other", text: "A word." }],
    ["send_agent_message", { ...own, agent_id: "orchestrator", text: "A word." }],
    ["send_agent_message", { ...own, agent_id: "nobody", text: "A word." }],
    ["send_agent_message", { task_id: "T2", agent_id: "child", text: "A word." }],
    ["get_agent_messages", { ...own, agent_id: "other" }],
    ["resume_agent", { ...own, agent_id: "root" }],
    ["resume_agent", { ...own, agent_id: "other" }],
    ["update_agent_progress", { ...own, agent_id: "child" }],
    ["update_agent_progress", { task_id: "T2", agent_id: "root" }],
    ["report_agent_finding", { ...own, agent_id: "other" }],
    ["spawn_child_agent", { ...own, parent_agent_id: "child" }],
    ["spawn_child_agent", { ...own, parent_agent_id: "orchestrator" }],
    ["get_agent_output", { ...own, agent_id: "other" }],
    ["get_agent_output", { ...own, agent_id: "nobody" }],
    ["kill_real_agent", { ...own, agent_id: "root" }],
    ["kill_real_agent", { ...own, agent_id: "other" }],
    ["kill_real_agent", { task_id: "T2", agent_id: "child" }],
    ["search_history", { query: "words" }],
    ["wait_for_agents", { ...own, agent_ids: ["child", "other"] }],
    ["wait_for_agents", { ...own, agent_ids: ["root"] }],
    ["list_tasks", {}],
    ["close_task", own],
  ] as const)("may not %s %o", ([name, input]) => {
    expect(refused(name, input)).toMatch(/^An agent may /);
  });
});

const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];
const ids = [...Object.keys(PARENTS), "orchestrator", "nobody"];
const anyInput = fc.record({
  task_id: fc.constantFrom("T1", "T2"),
  agent_id: fc.constantFrom(...ids),
  parent_agent_id: fc.constantFrom(...ids),
});

test("the client may do all", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TOOL_NAMES), anyInput, (name, input) => {
      expect(refused(name, input, { kind: "client" })).toBeNull();
    }),
  );
});

test("no tool takes an agent out of its task", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TOOL_NAMES), anyInput, (name, input) => {
      expect(refused(name, { ...input, task_id: "T2" })).not.toBeNull();
    }),
  );
});

test("an agent without descendants may stop nobody and write as nobody but itself", () => {
  const leaf = { ...CALLER, agentId: "grandchild" };
  fc.assert(
    fc.property(fc.constantFrom(...ids), (agent_id) => {
      expect(refused("kill_real_agent", { ...own, agent_id }, leaf)).not.toBeNull();
      const isSelf = agent_id === "grandchild";
      expect(refused("update_agent_progress", { ...own, agent_id }, leaf) === null).toBe(isSelf);
    }),
  );
});

test("an agent may write to its parent, and to nobody further up", () => {
  const child = { kind: "agent", agentId: "grandchild", taskId: "T1" } as const;
  const to = (agent_id: string) => ({ ...own, agent_id, text: "A word." });
  expect(refused("send_agent_message", to("child"), child)).toBeNull();
  expect(refused("get_agent_messages", to("child"), child)).toBeNull();
  expect(refused("send_agent_message", to("root"), child)).not.toBeNull();
});
