import { expect, test } from "vitest";
import { TOOL_LIST } from "../../src/surface/mcp/listing.ts";
import { RESOURCE_LIST, RESOURCE_TEMPLATES } from "../../src/surface/mcp/resources.ts";
import { failedToolResult } from "../../src/surface/mcp/tool-result.ts";
import { Fault } from "../../src/kernel/fault.ts";

// Frozen by hand: clients of the original, and prompts in the field, use these names,
// parameters and defaults. `?` may be left out; `=` says what it then is.
const PUBLISHED_TOOLS = {
  create_real_task: [
    "description",
    'priority? = "P2"',
    "client_cwd?",
    "background_context?",
    "expected_deliverables?",
    "success_criteria?",
    "constraints?",
    "relevant_files?",
    "conversation_history?",
    "limits?",
  ],
  deploy_headless_agent: [
    "task_id",
    "agent_type",
    "prompt",
    'parent? = "orchestrator"',
    "harness?",
    "model?",
    "effort?",
    "command?",
    "cwd?",
    'on_quota? = "refuse"',
    'isolation? = "none"',
    "env?",
    "mcp_servers?",
    "preamble?",
    "limits?",
    'permission_mode? = "default"',
    "on_daemon_gone?",
    "idempotency_key?",
  ],
  get_real_task_status: ["task_id", "max_agents? = 200"],
  get_agent_output: [
    "task_id",
    "agent_id",
    "tail?",
    "filter?",
    'format? = "text"',
    "include_metadata? = false",
    "max_bytes?",
    "aggressive_truncate? = false",
    'response_format? = "full"',
    "cursor?",
    "before?",
  ],
  kill_real_agent: ["task_id", "agent_id", 'reason? = "Manual termination"', "grace_s?"],
  update_agent_progress: ["task_id", "agent_id", "status", "message", "progress? = 0"],
  report_agent_finding: ["task_id", "agent_id", "finding_type", "severity", "message", "data?"],
  spawn_child_agent: [
    "task_id",
    "parent_agent_id",
    "child_agent_type",
    "child_prompt",
    "harness?",
    "model?",
    "effort?",
    "command?",
    "cwd?",
    'on_quota? = "refuse"',
    'isolation? = "none"',
    "env?",
    "mcp_servers?",
    "preamble?",
    "limits?",
    'permission_mode? = "default"',
    "on_daemon_gone?",
    "idempotency_key?",
  ],
  get_resource_report: ['scope? = "daemon"', "id?"],
  sweep_resources: ["apply? = false", "plan_id?"],
  get_task_findings: [
    "task_id",
    "agent_id?",
    "finding_type?",
    "severity?",
    "since?",
    "limit? = 50",
    "cursor?",
  ],
  wait_for_agents: [
    "task_id",
    "agent_ids?",
    'until? = "all"',
    "events?",
    "after_seq?",
    "timeout_s? = 45",
  ],
  list_tasks: ['status? = "open"', "client_cwd?", "limit? = 50", "cursor?"],
  close_task: ["task_id", "outcome", 'reason? = ""'],
  search_history: ["query", "task_id?", "agent_id?", "kinds?", "since?", "limit? = 20", "cursor?"],
  send_agent_message: ["task_id", "agent_id", "text", "idempotency_key?"],
  get_agent_messages: ["task_id", "agent_id", "limit? = 50"],
  resume_agent: [
    "task_id",
    "agent_id",
    'message? = "Go on with your mission where you left off."',
    "model?",
    "effort?",
    "env?",
    "mcp_servers?",
    "limits?",
    "permission_mode?",
    "on_daemon_gone?",
    "idempotency_key?",
  ],
};

test("the published tools, their parameters and their defaults are exactly these", () => {
  const listed = TOOL_LIST.map(({ name, inputSchema }) => [name, parametersOf(inputSchema)]);
  expect(listed).toEqual(Object.entries(PUBLISHED_TOOLS));
});

test("clients that hide tools behind a search are asked to show an agent's own", () => {
  const shown = TOOL_LIST.filter(({ _meta }) => _meta?.["anthropic/alwaysLoad"] === true);
  expect(shown.map(({ name }) => name)).toEqual([
    "update_agent_progress",
    "report_agent_finding",
    "spawn_child_agent",
  ]);
});

test("the published resources are exactly these", () => {
  expect(RESOURCE_LIST.map(({ uri }) => uri)).toEqual(["tasks://list"]);
  expect(RESOURCE_TEMPLATES.map(({ uriTemplate }) => uriTemplate)).toEqual([
    "task://{id}/status",
    "task://{id}/progress-timeline",
  ]);
});

test("the list stays small enough to be read by a model", () => {
  const read = TOOL_LIST.map(({ name, description, inputSchema }) => [
    name,
    description,
    inputSchema,
  ]);
  expect(JSON.stringify(read).length).toBeLessThan(26_200);
  // Schemas of answers are for programs; clients keep them, models do not see them.
  expect(JSON.stringify(TOOL_LIST).length).toBeLessThan(4_200 * TOOL_LIST.length);
});

test("an answer with a field more does not break a client that knows the old list", () => {
  for (const { outputSchema } of TOOL_LIST) {
    expect(JSON.stringify(outputSchema)).not.toContain('"additionalProperties":false');
  }
});

test("a failure reads CODE: message, then the next step", () => {
  const fault = new Fault("AGENT_NOT_FOUND", 'No agent is named "k7".', {
    hint: "Call get_real_task_status.",
    details: { agent_id: "k7" },
  });
  expect(failedToolResult(fault)).toEqual({
    isError: true,
    content: [
      {
        type: "text",
        text: 'AGENT_NOT_FOUND: No agent is named "k7".\nNext: Call get_real_task_status.',
      },
    ],
    structuredContent: {
      error: {
        code: "AGENT_NOT_FOUND",
        message: 'No agent is named "k7".',
        hint: "Call get_real_task_status.",
        retryable: false,
        details: { agent_id: "k7" },
      },
    },
  });
});

function parametersOf(schema: (typeof TOOL_LIST)[number]["inputSchema"]): readonly string[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const standard = (property as { readonly default?: unknown }).default;
    const left = standard === undefined ? "" : ` = ${JSON.stringify(standard)}`;
    return `${name}${required.has(name) ? "" : "?"}${left}`;
  });
}
