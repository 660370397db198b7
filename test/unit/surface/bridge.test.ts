/** When the bridge calls again: never what may already have happened, unless that does no harm. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import type { ToolName } from "../../../src/contract/tools.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { runBridge } from "../../../src/surface/mcp/bridge.ts";
import type { DaemonCalls } from "../../../src/surface/mcp/bridge.ts";

const ours = globalThis.console;
afterEach(() => {
  globalThis.console = ours;
});

const KILL = { task_id: "T", agent_id: "a" };
const DEPLOY = { task_id: "T", agent_type: "builder", prompt: "go" };

/** Calls one tool over a bridge whose daemon fails so; how often it was called and started. */
async function calledOver(failure: Fault, name: ToolName, given: object, mayStart = true) {
  let calls = 0;
  let starts = 0;
  const client: DaemonCalls = {
    tool: () => {
      calls += 1;
      return Promise.reject(failure);
    },
    resource: () => Promise.reject(failure),
    events: async function* none() {},
  };
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const ensureDaemon = () => {
    starts += 1;
    return Promise.resolve();
  };
  const said = text(stdout);
  const running = runBridge({
    client,
    ...(mayStart ? { ensureDaemon } : {}),
    version: "1",
    stdin,
    stdout,
    stderr: new PassThrough().resume(),
  });
  const params = { name, arguments: given };
  stdin.end(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })}\n`);
  await running;
  stdout.end();
  return { calls, starts, said: await said };
}

function unreachable(sent: boolean): Fault {
  return new Fault("DAEMON_UNREACHABLE", "Gone.", { hint: "Look.", details: { sent } });
}

test.for([
  ["never sent: again, whatever it is", unreachable(false), "deploy_headless_agent", DEPLOY, 2],
  [
    "sent, and a second deploy would be a second agent",
    unreachable(true),
    "deploy_headless_agent",
    DEPLOY,
    1,
  ],
  [
    "sent, with a key that makes it one agent",
    unreachable(true),
    "deploy_headless_agent",
    { ...DEPLOY, idempotency_key: "k" },
    2,
  ],
  ["sent, and only reads", unreachable(true), "get_real_task_status", { task_id: "T" }, 2],
  ["sent, and killing twice is killing once", unreachable(true), "kill_real_agent", KILL, 2],
  [
    "any other fault is the answer",
    new Fault("LIMIT_REACHED", "Full.", { hint: "Wait." }),
    "get_real_task_status",
    { task_id: "T" },
    1,
  ],
] as [string, Fault, ToolName, object, number][])("%s", async ([, failure, name, given, calls]) => {
  const seen = await calledOver(failure, name, given);
  expect(seen).toMatchObject({ calls, starts: calls - 1 });
  expect(seen.said).toContain(failure.code);
});

test("an agent's bridge never starts a daemon", async () => {
  const seen = await calledOver(
    unreachable(false),
    "get_real_task_status",
    { task_id: "T" },
    false,
  );
  expect(seen).toMatchObject({ calls: 1, starts: 0 });
});
