/** A quota that is used up, by a CLI that says so and ends, and a daemon that is killed meanwhile. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HealthAnswer } from "../../src/contract/api.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld } from "../helpers/world.ts";
import { install, STREAMS } from "./played.ts";
import { faultOf, newTask, QUICK, receiptOf, waitCleanOne } from "./support.ts";

const LIMIT = "You've hit your usage limit. Try again in 3 days 4 hours 9 minutes.";

test(
  "deploys are refused with the time until the quota is back, over a daemon's death, or until somebody says so",
  { timeout: 90_000 },
  async () => {
    await using world = await makeWorld();
    const env = { ...QUICK, PATH: install(world, "codex") };
    const first = await world.daemon(env);
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const stream = join(world.folder, "limit.jsonl");
    const lines = [
      { type: "thread.started", thread_id: "t" },
      { type: "turn.started" },
      { type: "turn.failed", error: { message: LIMIT } },
    ];
    writeFileSync(stream, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const deploy = { task_id: taskId, agent_type: "worker", prompt: "Play.", harness: "codex" };
    const { agent_id: id } = await callTool(client, "deploy_headless_agent", {
      ...deploy,
      env: { PLAY: stream, NEXT: "exit 1" },
    });
    const agent = await waitCleanOne(world, id);
    expect(agent).toMatchObject({ status: "failed", reason: expect.stringContaining(LIMIT) });

    const refused = await faultOf(client, "deploy_headless_agent", deploy);
    expect(refused).toMatchObject({ code: "QUOTA_EXHAUSTED", retryable: true });
    const ended = Date.parse(agent.ended_at ?? "");
    const until = new Date(ended + ((3 * 24 + 4) * 60 + 9) * 60_000).toISOString();
    expect(refused.details["until"]).toBe(until);

    await first.stop("SIGKILL");
    await world.daemon(env);
    const again = await world.mcp();
    expect(await faultOf(again, "deploy_headless_agent", deploy)).toMatchObject({
      code: "QUOTA_EXHAUSTED",
      details: { until },
    });
    const { body } = await world.api("/api/health");
    expect((body as HealthAnswer).quotas).toMatchObject([
      { harness: "codex", state: "open", until },
    ]);
    expect((await world.corral(["quota"])).stdout).toContain(`no quota until ${until}`);
    expect((await world.corral(["doctor"])).stdout).toContain(`used up its quota until ${until}`);

    const reset = await world.corral(["quota", "reset", "codex"]);
    expect(reset).toMatchObject({ code: 0, stdout: expect.stringContaining("tries") });
    const next = await callTool(again, "deploy_headless_agent", {
      ...deploy,
      env: { PLAY: join(STREAMS, "codex/happy.jsonl"), NEXT: "exit 0" },
    });
    expect(await waitCleanOne(world, next.agent_id)).toMatchObject({ status: "completed" });
  },
);

test(
  "an agent that is refused while it runs refuses the next one, and closes what it opened when it is answered",
  { timeout: 90_000 },
  async () => {
    await using world = await makeWorld();
    await world.daemon({ ...QUICK, PATH: install(world, "claude") });
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const stream = join(world.folder, "limit.jsonl");
    const resetsAt = Math.ceil(Date.now() / 1_000) + 7_200;
    const line = (message: object): string => `${JSON.stringify(message)}\n`;
    const limit = { status: "rejected", resetsAt };
    writeFileSync(
      stream,
      line({ type: "system", subtype: "init", session_id: "s", model: "m" }) +
        line({ type: "rate_limit_event", rate_limit_info: limit }),
    );
    const go = join(world.folder, "go");
    const answer = line({
      type: "assistant",
      message: { content: [{ type: "text", text: "On." }] },
    });
    const deploy = { task_id: taskId, agent_type: "worker", prompt: "Play.", harness: "claude" };
    const next = `while [ ! -e "${go}" ]; do sleep 0.05; done; printf '%s\\n' '${answer.trim()}'`;
    await callTool(client, "deploy_headless_agent", {
      ...deploy,
      env: { PLAY: stream, NEXT: next },
    });
    const quotas = async () => ((await world.api("/api/health")).body as HealthAnswer).quotas;
    await waitFor("the circuit", async () => ((await quotas()).length > 0 ? true : undefined));
    expect(await faultOf(client, "deploy_headless_agent", deploy)).toMatchObject({
      code: "QUOTA_EXHAUSTED",
      details: { until: new Date(resetsAt * 1_000).toISOString() },
    });
    writeFileSync(go, "");
    await waitFor("the answer", async () => ((await quotas()).length === 0 ? true : undefined));
  },
);

test(
  "an agent that waits is queued, outlives a daemon, can be ended, and starts when the quota is back",
  { timeout: 90_000 },
  async () => {
    await using world = await makeWorld();
    const stream = join(world.folder, "limit.jsonl");
    const over = {
      type: "turn.failed",
      error: { message: "You've hit your usage limit. Try again in 2 hours." },
    };
    writeFileSync(stream, `${JSON.stringify(over)}\n`);
    const PLAY = join(STREAMS, "codex/happy.jsonl");
    const env = { ...QUICK, PATH: install(world, "codex") };
    const first = await world.daemon(env);
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const deploy = { task_id: taskId, agent_type: "worker", prompt: "Play.", harness: "codex" };
    const { agent_id: id } = await callTool(client, "deploy_headless_agent", {
      ...deploy,
      env: { PLAY: stream, NEXT: "exit 1" },
    });
    await waitCleanOne(world, id);

    const waits = { ...deploy, on_quota: "wait", env: { PLAY, NEXT: "exit 0" } };
    const once = { ...waits, idempotency_key: "k" };
    const one = await callTool(client, "deploy_headless_agent", once);
    const other = await callTool(client, "deploy_headless_agent", waits);
    expect(one).toMatchObject({ status: "queued", tmux_session: null });
    expect((await callTool(client, "deploy_headless_agent", once)).agent_id).toBe(one.agent_id);
    const secret = await faultOf(client, "deploy_headless_agent", {
      ...waits,
      env: { SOME_API_KEY: "0123456789abcdef0123456789" },
    });
    expect(secret.message).toContain("Corral keeps no secrets");

    await first.stop("SIGKILL");
    await world.daemon(env);
    const again = await world.mcp();
    const killed = await callTool(again, "kill_real_agent", {
      task_id: taskId,
      agent_id: other.agent_id,
      reason: "not wanted any more",
    });
    expect(killed).toMatchObject({ status: "killed", receipt: { survivors: [], resources: [] } });
    const status = await callTool(again, "get_real_task_status", { task_id: taskId });
    expect(status.agents.map((agent) => agent.status)).toEqual(["failed", "queued", "killed"]);

    await world.corral(["quota", "reset", "codex"]);
    const agent = await waitCleanOne(world, one.agent_id);
    expect(agent).toMatchObject({ status: "completed", reason: "completed" });
    expect((await receiptOf(world, one.agent_id)).survivors).toEqual([]);
  },
);
