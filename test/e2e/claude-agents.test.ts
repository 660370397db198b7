/** Corral with real Claude Code agents from deploy to receipt; only the model is scripted. */
import { randomInt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Receipt } from "../../src/contract/agent.ts";
import { WaitAnswer } from "../../src/contract/api.ts";
import {
  type Conversation,
  scripted,
  type Script,
  startModelServer,
} from "../helpers/model-server.ts";
import { countByArgument } from "../helpers/os-look.ts";
import { CLAUDE_BIN, CLAUDE_HINT, claudeEnv, claudeIsMissing } from "../helpers/real-claude.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";

/** Who the agent is, as its prompt tells it. */
function selfOf({ prompt }: Conversation): { readonly task_id: string; readonly agent_id: string } {
  const [, agentId = "?"] = /You are (\S+), a headless/.exec(prompt) ?? [];
  const [, taskId = "?"] = /Task (TASK-[\w-]+)/.exec(prompt) ?? [];
  return { task_id: taskId, agent_id: agentId };
}

/** A turn that calls one of Corral's tools as the agent itself. */
function corral(tool: string, input: Readonly<Record<string, unknown>>): Script {
  return (conversation) => ({
    toolUses: [{ name: `mcp__corral__${tool}`, input: { ...selfOf(conversation), ...input } }],
  });
}

const working = corral("update_agent_progress", {
  status: "working",
  message: "Looking at the parser before changing it.",
  progress: 10,
});

function completed(message: string): Script {
  return corral("update_agent_progress", { status: "completed", message, progress: 100 });
}

function bash(command: string): Script {
  return () => ({ toolUses: [{ name: "Bash", input: { command } }] });
}

/** Shell that waits for a file, at most half a minute. */
function awaitFile(name: string): string {
  return `for i in $(seq 300); do [ -e ${name} ] && break; sleep 0.1; done`;
}

/** How the daemon answers to that agent's token. */
async function statusFor(access: { readonly url: string; readonly token: string }) {
  const response = await fetch(access.url, {
    method: "POST",
    headers: {
      authorization: access.token,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "corral-test", version: "1.0.0" },
      },
    }),
  });
  await response.text();
  return response.status;
}

function accessIn(workspace: string): { readonly url: string; readonly token: string } {
  const config = JSON.parse(readFileSync(join(workspace, "mcp.json"), "utf8")) as {
    readonly mcpServers: {
      readonly corral: {
        readonly url: string;
        readonly headers: { readonly Authorization: string };
      };
    };
  };
  const { url, headers } = config.mcpServers.corral;
  return { url, token: headers.Authorization };
}

async function waitUntilClean(world: World, taskId: string): Promise<void> {
  await waitFor(
    "every agent to be settled and clean",
    async () => {
      const { body } = await world.api("/api/wait", {
        task_id: taskId,
        for: "clean",
        timeout_s: 20,
      });
      return WaitAnswer.parse(body).timed_out ? undefined : true;
    },
    60_000,
  );
}

test.skipIf(claudeIsMissing)(
  `a real agent with a child reports, ends well, and all it took is given back${CLAUDE_HINT}`,
  { timeout: 120_000 },
  async () => {
    await using world = await makeWorld();
    const seconds = `300.${randomInt(1e8, 1e9)}`;
    const repository = world.repo();
    let sleepsSeen = 0;
    await using model = await startModelServer((conversation) => {
      sleepsSeen = Math.max(sleepsSeen, countByArgument(seconds));
      return script(conversation);
    });
    const env = claudeEnv(world.home, model.url);
    const script = scripted({
      "PARENT-MISSION": [
        working,
        corral("report_agent_finding", {
          finding_type: "issue",
          severity: "high",
          message: "The parser drops the last line of a file without a newline.",
        }),
        (conversation) => {
          const { task_id: taskId, agent_id: parentId } = selfOf(conversation);
          const child = {
            task_id: taskId,
            parent_agent_id: parentId,
            child_agent_type: "fixer",
            child_prompt: "CHILD-MISSION: fix the parser.",
            permission_mode: "skip",
            env,
          };
          return { toolUses: [{ name: "mcp__corral__spawn_child_agent", input: child }] };
        },
        bash(
          `${awaitFile("child.done")}; ${awaitFile("go")}; setsid sleep ${seconds} >/dev/null 2>&1 & sleep 0.2; echo started`,
        ),
        completed("Fixed the parser in parser.txt and verified it by running the tests: all pass."),
        () => ({ text: "The parser is fixed." }),
      ],
      "CHILD-MISSION": [
        working,
        bash("echo fixed > parser.txt"),
        completed("Changed parser.txt and verified it with the tests: 3 passed."),
        bash("echo done > child.done"),
        () => ({ text: "Fixed." }),
      ],
    });

    const daemon = await world.daemon({
      PATH: `${CLAUDE_BIN}:${world.env["PATH"] ?? ""}`,
    });
    const client = await world.mcp();
    const task = await callTool(client, "create_real_task", {
      description: "Make the parser keep the last line.",
      client_cwd: repository,
    });
    const parent = await callTool(client, "deploy_headless_agent", {
      task_id: task.task_id,
      agent_type: "builder",
      prompt: "PARENT-MISSION: find out why the last line is lost, have it fixed.",
      harness: "claude",
      permission_mode: "skip",
      env,
    });
    const access = accessIn(parent.workspace);
    expect(await statusFor(access)).toBe(200);
    writeFileSync(join(repository, "go"), "");
    await waitUntilClean(world, task.task_id);

    const status = await callTool(client, "get_real_task_status", { task_id: task.task_id });
    expect(model.errors).toEqual([]);
    expect(status.counts).toEqual({ total: 2, running: 0, completed: 2, failed: 0 });
    const child = status.agents.find(({ agent_type: type }) => type === "fixer");
    expect(status.hierarchy).toEqual({
      orchestrator: [parent.agent_id],
      [parent.agent_id]: [child?.agent_id],
    });
    for (const agent of status.agents) {
      expect(agent).toMatchObject({
        status: "completed",
        exit_code: 0,
        signal: null,
        reported: { status: "completed", progress: 100 },
        cleanup: { state: "clean", held: 0, stuck: 0 },
      });
      const receipt = (await world.api(`/api/agents/${agent.agent_id}/receipt`)).body as Receipt;
      expect(receipt.cleanup).toEqual({ state: "clean", held: 0, stuck: 0 });
      expect(receipt.survivors).toEqual([]);
    }
    expect(status.findings).toMatchObject([
      { agent_id: parent.agent_id, finding_type: "issue", severity: "high" },
    ]);
    expect(status.progress.map(({ status: reported }) => reported).toSorted()).toEqual([
      "completed",
      "completed",
      "working",
      "working",
    ]);
    expect(readFileSync(join(repository, "parser.txt"), "utf8")).toBe("fixed\n");

    expect(sleepsSeen, "the agent's own daemon did run").toBe(1);
    expect(countByArgument(seconds), "and was given back").toBe(0);
    expect(await statusFor(access), "the agent's token died with it").toBe(401);

    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  },
);
