import { expect, test } from "vitest";
import { commandHarness } from "../../../src/harness/command.ts";
import { HARNESSES } from "../../../src/contract/agent.ts";
import { harnessNamed } from "../../../src/harness/registry.ts";
import type { HarnessRequest } from "../../../src/harness/harness.ts";
import { NO_OUTCOME } from "../../../src/output/outcome.ts";

const REQUEST: HarnessRequest = {
  taskId: "TASK-1",
  agentId: "job-1",
  agentType: "job",
  prompt: "read me",
  model: null,
  effort: null,
  command: ["sh", "-c", "echo '$HOME' \"a b\"", ""],
  permissionMode: "default",
  maxCostUsd: null,
  directory: "/home/dev/a",
  mcp: { url: "http://127.0.0.1:1/mcp", token: "tok" },
  mcpServers: {},
  environment: { HOME: "/home/dev" },
  userFiles: {},
  isRoot: false,
  endInput: "end-input",
};

test("runs the user's argv as it is, with the token in the environment only", () => {
  const plan = commandHarness.plan(REQUEST);
  expect(plan.argv).toEqual(REQUEST.command);
  expect(plan.env).toEqual({
    CORRAL_URL: "http://127.0.0.1:1/mcp",
    CORRAL_TOKEN: "tok",
    CORRAL_TASK_ID: "TASK-1",
    CORRAL_AGENT_ID: "job-1",
  });
  expect(plan.files).toEqual([{ name: "prompt.md", text: "read me", kind: "prompt_file" }]);
  expect(plan.stdin).toBe("prompt.md");
  expect(plan.envAllow).not.toContain("ANTHROPIC_*");
  expect(plan.warnings).toEqual([]);
});

test.for([[null], [[]], [[""]], [[" ", "x"]]])("refuses %j as a command", ([command]) => {
  expect(() => commandHarness.plan({ ...REQUEST, command: command as string[] | null })).toThrow(
    expect.objectContaining({ code: "INPUT_INVALID" }),
  );
});

test("says which options it ignores", () => {
  const { warnings } = commandHarness.plan({
    ...REQUEST,
    model: "m",
    effort: "max",
    permissionMode: "skip",
  });
  expect(warnings.map((warning) => warning.split(" ")[0])).toEqual([
    "model",
    "effort",
    "permission_mode",
  ]);
});

test("is done well only with exit 0", () => {
  const { outcome } = NO_OUTCOME;
  const judge = (code: number | null, signal: string | null) =>
    commandHarness.judge({ code, signal }, outcome);
  expect(judge(0, null)).toEqual({ ok: true, reason: "completed" });
  expect(judge(3, null)).toEqual({ ok: false, reason: "exited with code 3" });
  expect(judge(null, "SIGKILL")).toEqual({ ok: false, reason: "ended by SIGKILL" });
  expect(judge(null, null)).toEqual({ ok: false, reason: "ended in an unknown way" });
});

test("what a program prints is plain output, JSON or not", () => {
  const line = '{"type":"result","is_error":true}';
  expect(commandHarness.events(line)).toEqual([{ type: "plain", line }]);
  expect(commandHarness.events("  ")).toEqual([]);
});

test("every published name has its harness", () => {
  expect(HARNESSES.map((name) => harnessNamed(name).name)).toEqual([...HARNESSES]);
});
