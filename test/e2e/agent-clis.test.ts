/** Corral with the real agent CLIs from deploy to receipt; only their models are scripted. */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { type DoctorAnswer, WaitAnswer } from "../../src/contract/api.ts";
import { CAPABILITIES } from "../../src/harness/capabilities.ts";
import type { DeployAnswer } from "../../src/contract/tools.ts";
import { type Script, scripted, startModelServer, type Turn } from "../helpers/model-server.ts";
import { countByArgument } from "../helpers/os-look.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { CLI_BIN, isMissing, REAL_CLIS, type RealCli, selfOf } from "../helpers/real-clis.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { QUICK, receiptOf, sleepTag, waitCleanOne } from "./support.ts";

const MINUTES = 60_000;
const STAYING_SERVER = join(import.meta.dirname, "../fixtures/agents/staying-mcp-server.js");

function reports(cli: RealCli, input: Readonly<Record<string, unknown>>): Script {
  return (conversation) => ({
    toolUses: [
      {
        name: cli.corralTool("update_agent_progress"),
        input: { ...selfOf(conversation), ...input },
      },
    ],
  });
}

async function startCorral(world: World): Promise<Client> {
  // A real CLI needs a moment between its claim and its end, and more of it on a busy machine.
  const env = {
    ...QUICK,
    CORRAL_LINGER_MS: "60000",
    CORRAL_STOP_AUTH_FAILED_MS: "4000",
    CORRAL_STOP_RATE_LIMITED_MS: "4000",
  };
  await world.daemon({ ...env, PATH: `${CLI_BIN}:${world.env["PATH"] ?? ""}` });
  return await world.mcp();
}

async function deployCli(
  world: World,
  client: Client,
  cli: RealCli,
  modelUrl: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<DeployAnswer & { readonly cwd: string }> {
  const env = cli.configure(world.home, modelUrl);
  const cwd = world.repo();
  const task = await callTool(client, "create_real_task", {
    description: "Let a real agent do a small scripted piece of work.",
    client_cwd: cwd,
  });
  const answer = await callTool(client, "deploy_headless_agent", {
    task_id: task.task_id,
    agent_type: "builder",
    prompt: "SCRIPTED-MISSION: do the scripted work.",
    harness: cli.name,
    permission_mode: "skip",
    env,
    ...(cli.model === null ? {} : { model: cli.model }),
    ...more,
  });
  return { ...answer, cwd };
}

/** A real CLI takes its time on a busy machine: opencode alone wants a gigabyte and a minute. */
async function ended(world: World, id: string): Promise<AgentView> {
  await waitFor(
    "the agent's end",
    async () => {
      const wanted = { agent_ids: [id], for: "clean", timeout_s: 20 };
      const { body } = await world.api("/api/wait", wanted);
      return WaitAnswer.parse(body).timed_out ? undefined : true;
    },
    3 * MINUTES,
  );
  return await waitCleanOne(world, id);
}

/** Proves at the system, not at the product, that nothing of an agent is left. */
async function expectNothingLeft(world: World, id: string, tag: string): Promise<void> {
  const receipt = await receiptOf(world, id);
  expect(receipt.cleanup).toEqual({ state: "clean", held: 0, stuck: 0 });
  expect(receipt.survivors).toEqual([]);
  expect(countByArgument(tag), "its own daemon is gone").toBe(0);
}

test.skipIf(REAL_CLIS.some(({ name }) => isMissing(name)))(
  "doctor says which are here, in which version, and whether a login is",
  { timeout: MINUTES },
  async () => {
    await using world = await makeWorld();
    const env = { PATH: `${CLI_BIN}:${world.env["PATH"] ?? ""}`, CODEX_API_KEY: "not-a-key" };
    const ran = await world.corral(["doctor", "--json"], { env });
    const { harnesses } = JSON.parse(ran.stdout) as DoctorAnswer;
    expect(
      harnesses.map(({ harness, found, login, version }) => [harness, found, login, version]),
    ).toEqual([
      ["claude", true, "not_seen", CAPABILITIES.claude.tested],
      ["codex", true, "seen", CAPABILITIES.codex.tested],
      ["gemini", true, "unknown", CAPABILITIES.gemini.tested],
      ["opencode", true, "not_seen", CAPABILITIES.opencode.tested],
      ["command", true, "not_needed", null],
    ]);
    const told = (await world.corral(["doctor"], { env })).stdout;
    expect(told).toContain("no login seen: run `claude` once and log in");
  },
);

describe.each(REAL_CLIS)("$name", (cli) => {
  const it = test.skipIf(isMissing(cli.name));

  it(
    "reports, uses its shell, leaves a daemon and an MCP server behind, ends well, and all is given back",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const tag = sleepTag();
      let sleepsSeen = 0;
      const turns: readonly (Turn | Script)[] = [
        reports(cli, { status: "working", message: "Looking before changing.", progress: 10 }),
        {
          toolUses: [
            cli.shell(
              `echo made > made.txt; setsid sleep ${tag} >/dev/null 2>&1 & sleep 0.3; echo ok`,
            ),
          ],
        },
        reports(cli, {
          status: "completed",
          message: "Made made.txt and verified it by reading it back: it says made.",
          progress: 100,
        }),
        { text: "All of it is done." },
      ];
      const script = scripted({ "SCRIPTED-MISSION": turns });
      await using model = await startModelServer((conversation) => {
        sleepsSeen = Math.max(sleepsSeen, countByArgument(tag));
        return script(conversation);
      });
      const client = await startCorral(world);
      const staying = { command: process.execPath, args: [STAYING_SERVER, tag] };
      const deployed = await deployCli(world, client, cli, model.url, {
        mcp_servers: { staying },
      });
      const agent = await ended(world, deployed.agent_id);

      expect(model.errors).toEqual([]);
      expect(agent, JSON.stringify(agent)).toMatchObject({
        status: "completed",
        exit_code: 0,
        reported: { status: "completed", progress: 100 },
        usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
      });
      expect(agent.reason).toBe("completed");
      expect(readFileSync(join(deployed.cwd, "made.txt"), "utf8")).toBe("made\n");
      expect(sleepsSeen, "its daemon and its MCP server did run").toBe(2);
      await expectNothingLeft(world, deployed.agent_id, tag);
      const released = (await receiptOf(world, deployed.agent_id)).resources;
      for (const { kind, locator, state } of released) {
        if (kind !== "agent_config" && kind !== "prompt_file") continue;
        expect(state, locator).toBe("released");
        expect(existsSync(locator), locator).toBe(false);
      }
    },
  );

  it(
    "is killed in the middle of a tool call, with all that it had started",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const tag = sleepTag();
      const name = `ready-${randomInt(1e9)}`;
      const command = `setsid sleep ${tag} >/dev/null 2>&1 & touch ${name}; sleep ${tag}`;
      await using model = await startModelServer(
        scripted({ "SCRIPTED-MISSION": [{ toolUses: [cli.shell(command)] }] }),
      );
      const client = await startCorral(world);
      const deployed = await deployCli(world, client, cli, model.url);
      await waitFor(
        "the tool call",
        () => (existsSync(join(deployed.cwd, name)) ? true : undefined),
        3 * MINUTES,
      );
      const killed = await callTool(client, "kill_real_agent", {
        task_id: deployed.task_id,
        agent_id: deployed.agent_id,
        reason: "enough",
        grace_s: 1,
      });
      expect(killed).toMatchObject({ status: "killed", reason: "enough" });
      await ended(world, deployed.agent_id);
      await expectNothingLeft(world, deployed.agent_id, tag);
    },
  );

  it(
    "says how to log in when its key is refused, and does not try for ever",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const tag = sleepTag();
      await using model = await startModelServer(() => ({ fault: { status: 401 } }));
      const client = await startCorral(world);
      const deployed = await deployCli(world, client, cli, model.url);
      const agent = await ended(world, deployed.agent_id);
      expect(agent.status).toBe("failed");
      expect(agent.reason).toContain(`not logged in: ${cli.login}`);
      await expectNothingLeft(world, deployed.agent_id, tag);
    },
  );

  it(
    "says that its provider refuses for now, and does not try for ever",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const tag = sleepTag();
      const fault = { status: 429, retryAfterS: 3_600 } as const;
      await using model = await startModelServer(() => ({ fault }));
      const client = await startCorral(world);
      const deployed = await deployCli(world, client, cli, model.url);
      const agent = await ended(world, deployed.agent_id);
      expect(agent.status).toBe("failed");
      expect(agent.reason).toContain("rate limited by the model's provider");
      await expectNothingLeft(world, deployed.agent_id, tag);
    },
  );

  const cutMiddle = cli.mendsCuts ? "goes on" : "says so";
  it(`${cutMiddle} when an answer was cut in the middle`, { timeout: 5 * MINUTES }, async () => {
    await using world = await makeWorld();
    const tag = sleepTag();
    let cuts = 0;
    const script = scripted({ "SCRIPTED-MISSION": [{ text: "It is done after all." }] });
    await using model = await startModelServer((conversation) => {
      const isMission = conversation.tools.length > 0;
      if (!isMission || cuts > 0) return script(conversation);
      cuts += 1;
      return { text: "It is", fault: { cut: true } };
    });
    const client = await startCorral(world);
    const deployed = await deployCli(world, client, cli, model.url);
    const agent = await ended(world, deployed.agent_id);
    expect(cuts).toBe(1);
    expect(agent.status, JSON.stringify(agent)).toBe(cli.mendsCuts ? "completed" : "failed");
    if (!cli.mendsCuts) expect(agent.reason).toContain("end point does not answer");
    await expectNothingLeft(world, deployed.agent_id, tag);
  });

  it(
    "cannot write outside its folder in its default mode, and can report",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const tag = sleepTag();
      // Codex's sandbox leaves the temporary folder writable, and a checkout may lie below that.
      const outside = `/var/tmp/corral-outside-${randomInt(1e9)}.txt`;
      await using _gone = { [Symbol.asyncDispose]: async () => rmSync(outside, { force: true }) };
      const turns = [
        { toolUses: [cli.shell(`touch ${outside}; echo tried`)] },
        reports(cli, { status: "working", message: "I tried what I may not.", progress: 50 }),
        { text: "I could not." },
      ];
      await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
      const client = await startCorral(world);
      const mode = { permission_mode: "default" };
      const deployed = await deployCli(world, client, cli, model.url, mode);
      const agent = await ended(world, deployed.agent_id);
      const heard = model.requests.map(({ conversation: { results } }) => results);
      expect(agent, JSON.stringify([agent, heard])).toMatchObject({
        status: "completed",
        reported: { status: "working", progress: 50 },
      });
      expect(existsSync(outside), "nothing was written outside").toBe(false);
      await expectNothingLeft(world, deployed.agent_id, tag);
    },
  );

  it(
    "reads a message that its input or its report brings, and later goes on with its conversation",
    { timeout: 5 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const turns: readonly (Turn | Script)[] = [
        { toolUses: [cli.shell("until [ -e go ]; do sleep 0.1; done; echo gone")] },
        reports(cli, { status: "working", message: "Waited for the word.", progress: 50 }),
        { text: "I have read it." },
        { text: "I have gone on." },
      ];
      await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
      const client = await startCorral(world);
      const first = await deployCli(world, client, cli, model.url);
      const { agent_id, task_id } = first;
      const sent = await callTool(client, "send_agent_message", {
        task_id,
        agent_id,
        text: "THE-WORD: leave the lockfile\nas it is.",
      });
      // What its CLI's input carries does not wait for a report.
      const hasInput = cli.name === "claude";
      const handed = hasInput ? { way: "input", handed_over: 1 } : { way: null, handed_over: 0 };
      expect(sent.message).toMatchObject({ state: "queued", ...handed });
      writeFileSync(join(first.cwd, "go"), "");
      const ended1 = await ended(world, agent_id);
      expect(ended1, JSON.stringify(ended1)).toMatchObject({ status: "completed" });
      const inResults = model.requests.filter(({ conversation }) =>
        conversation.results.some((text) => text.includes("THE-WORD")),
      );
      expect(inResults.length > 0, "in the answer of its report").toBe(!hasInput);
      const id = sent.message.message_id;
      const brought = model.requests.find(({ body }) => body.includes("THE-WORD"));
      expect(brought?.body, "its model has it").toContain(id);
      const kept = await callTool(client, "get_agent_messages", { task_id, agent_id });
      expect(kept.messages).toMatchObject([
        {
          message_id: id,
          state: "consumed",
          way: hasInput ? "input" : "answer",
          evidence: "stream",
          handed_over: 1,
        },
      ]);

      const before = model.requests.length;
      const resumed = await callTool(client, "resume_agent", {
        task_id,
        agent_id,
        message: "SECOND-MISSION: go on.",
        env: cli.configure(world.home, model.url),
      });
      const ended2 = await ended(world, resumed.agent_id);
      expect(ended2, JSON.stringify(ended2)).toMatchObject({
        status: "completed",
        resumed_from: agent_id,
      });
      // One answer of the script's, whatever its CLI counts: what the run before used is that one's.
      expect(ended2.usage).toMatchObject({ input_tokens: 100, output_tokens: 20 });
      const asked = model.requests
        .slice(before)
        .find(({ conversation }) => conversation.tools.length > 0);
      expect(asked?.conversation.answered, "all three answers of before are in it").toBe(3);
      for (const said of ["SCRIPTED-MISSION", "THE-WORD", "I have read it.", "SECOND-MISSION"]) {
        expect(asked?.body, said).toContain(said);
      }
      expect(model.errors).toEqual([]);
    },
  );

  const other = REAL_CLIS[(REAL_CLIS.indexOf(cli) + 1) % REAL_CLIS.length]!;
  test.skipIf(isMissing(cli.name) || isMissing(other.name))(
    `spawns a child of another CLI (${other.name})`,
    { timeout: 6 * MINUTES },
    async () => {
      await using world = await makeWorld();
      const done = { status: "completed", progress: 100 };
      let childEnv: Readonly<Record<string, string>> = {};
      const spawn: Script = (conversation) => {
        const { task_id, agent_id } = selfOf(conversation);
        const child = {
          task_id,
          parent_agent_id: agent_id,
          child_agent_type: "assistant",
          child_prompt: "CHILD-MISSION: say so.",
          harness: other.name,
          permission_mode: "skip",
          env: childEnv,
          ...(other.model === null ? {} : { model: other.model }),
        };
        return { toolUses: [{ name: cli.corralTool("spawn_child_agent"), input: child }] };
      };
      await using model = await startModelServer(
        scripted({
          "SCRIPTED-MISSION": [
            spawn,
            reports(cli, { ...done, message: "Spawned a child and checked that it runs." }),
            { text: "Done." },
          ],
          "CHILD-MISSION": [
            reports(other, { ...done, message: "Said so, and checked that it was said." }),
            { text: "Said." },
          ],
        }),
      );
      childEnv = other.configure(world.home, model.url);
      const client = await startCorral(world);
      const parent = await deployCli(world, client, cli, model.url);
      await ended(world, parent.agent_id);
      const status = await callTool(client, "get_real_task_status", { task_id: parent.task_id });
      const child = status.agents.find(({ parent: of }) => of === parent.agent_id);
      expect(child, JSON.stringify(model.requests.at(-1)?.conversation.results)).toBeDefined();
      const ends = [parent.agent_id, child!.agent_id].map((id) => ended(world, id));
      for (const agent of await Promise.all(ends)) {
        expect(agent, JSON.stringify(agent)).toMatchObject({
          status: "completed",
          reported: { status: "completed" },
          cleanup: { state: "clean", held: 0, stuck: 0 },
        });
      }
      expect(child?.harness).toBe(other.name);
      expect(model.errors).toEqual([]);
    },
  );
});

const claude = REAL_CLIS.find(({ name }) => name === "claude")!;
test.skipIf(isMissing("claude"))(
  "claude stops itself at the cost that it may have, and the reason says so",
  { timeout: 5 * MINUTES },
  async () => {
    await using world = await makeWorld();
    const turns = Array.from({ length: 20 }, () => ({ toolUses: [claude.shell("true")] }));
    await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
    const client = await startCorral(world);
    const { agent_id: id, warnings } = await deployCli(world, client, claude, model.url, {
      limits: { cost_usd: 0.001 },
    });
    expect(warnings.join()).not.toContain("cannot be enforced");
    const agent = await ended(world, id);
    expect(agent.status).toBe("failed");
    expect(agent.reason).toMatch(/^it has spent its budget/);
    expect(agent.budget.cost_usd).toMatchObject({ limit: 0.001 });
    expect(agent.budget.cost_usd.used).toBeGreaterThanOrEqual(0.001);
    expect(agent.budget.cost_usd.used).toBeLessThan(0.005);
  },
);
