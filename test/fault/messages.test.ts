/**
 * The daemon dies by SIGKILL before and after each step of a message: no message is lost, none is said
 * to be where it is not, and what comes twice comes under one id and says so.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { agentInputs } from "../../src/adapters/fs/agent-input.ts";
import type { AgentView } from "../../src/contract/agent.ts";
import type {
  ArrivingMessage,
  MessagesAnswer,
  MessageView,
  SendAnswer,
} from "../../src/contract/messages.ts";
import type { ProgressAnswer, ResumeAnswer } from "../../src/contract/tools.ts";
import { standInPath, toldIn } from "../helpers/conversation.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

const TEXT = "Leave the lockfile.";
/** Whoever waits here, waits on a busy machine. */
const LONG_MS = 60_000;

async function messageOf(fault: FaultWorld, id: string): Promise<MessageView> {
  const { messages } = await fault.api<MessagesAnswer>(`/api/agents/${id}/messages`);
  return messages.at(-1)!;
}

/** Waits until every agent has ended and everything of it is given back. */
async function allClean(fault: FaultWorld): Promise<readonly AgentView[]> {
  return await waitFor(
    "every agent to be clean",
    async () => {
      const agents = await fault.agents();
      return agents.every(({ cleanup }) => cleanup.state === "clean") ? agents : undefined;
    },
    LONG_MS,
  );
}

async function down(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  expect(await lastComplaints(fault)).toEqual([]);
  await fault.api("/api/leave", { mode: "end" });
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(fault.remains()).toEqual([]);
}

/** One report of the agent's own; null when the daemon died before it answered. */
async function report(
  fault: FaultWorld,
  { agent_id, task_id }: AgentView,
  token: string,
): Promise<ProgressAnswer["inbox"] | "no answer"> {
  const port = (await fault.api<{ url: string }>("/api/health").catch(() => null))?.url;
  if (port === undefined) return "no answer";
  const body = { task_id, agent_id, status: "working", message: "On it." };
  try {
    const response = await fetch(`${port}/api/tools/update_agent_progress`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return ((await response.json()) as ProgressAnswer).inbox;
  } catch {
    return "no answer";
  }
}

test("in the answers of reports, struck at each step", { timeout: 180_000 }, async () => {
  await using fault = await makeFaultWorld();
  let daemon = await fault.start();
  const file = join(fault.world.folder, "token");
  const agent = await fault.deploy([
    "/bin/sh",
    "-c",
    `printf %s "$CORRAL_TOKEN" >${file}.part; mv ${file}.part ${file}; exec sleep 300`,
  ]);
  const token = await waitFor("its token", () =>
    existsSync(file) ? readFileSync(file, "utf8") : undefined,
  );
  for (const [when, point] of [
    ["before", "store.offerMessages"],
    ["after", "store.offerMessages"],
    ["before", "store.deliverMessages"],
    ["after", "store.deliverMessages"],
    ["before", "store.consumeMessages"],
  ] as const) {
    const path = `/api/agents/${agent.agent_id}/messages`;
    const { message } = await fault.api<SendAnswer>(path, { text: TEXT });
    const copies: ArrivingMessage[] = [];
    const reports = async (): Promise<void> => {
      const inbox = await report(fault, agent, token);
      if (inbox !== "no answer") copies.push(...(inbox?.messages ?? []));
    };
    await daemon.arm({ point, when, nth: 1, act: "kill" });
    await reports();
    await reports();
    expect((await daemon.end).signal, `struck ${when} ${point}`).toBe("SIGKILL");

    daemon = await fault.start();
    const { state } = await messageOf(fault, agent.agent_id);
    if (state !== "queued") expect(copies, "no false word of a delivery").toHaveLength(1);
    await waitFor("the message to be read", async () => {
      await reports();
      const now = await messageOf(fault, agent.agent_id);
      return now.state === "consumed" ? true : undefined;
    });
    expect(new Set(copies.map((one) => one.message_id))).toEqual(new Set([message.message_id]));
    expect(copies.length).toBeLessThanOrEqual(2);
    if (copies.length === 2) expect(copies[1]).toMatchObject({ repeated: true, text: TEXT });
  }
  await down(fault, daemon);
});

/** How often a text stands in another. */
const copiesOf = (needle: string, text: string): number => text.split(needle).length - 1;

test("by its input, struck at each step", { timeout: 180_000 }, async () => {
  await using fault = await makeFaultWorld();
  const env = { PATH: standInPath(fault.world.folder, process.env["PATH"] ?? "") };
  let daemon = await fault.start(env);
  const agent = await fault.deploy([], {
    harness: "claude",
    command: undefined,
    env: { HEEDS: "1" },
  });
  const heed = join(fault.project, "heed");
  const stream = join(fault.world.paths.agentsDir, agent.agent_id, "stream.jsonl");
  const path = `/api/agents/${agent.agent_id}/messages`;
  for (const [when, point] of [
    ["before", "store.offerMessages"],
    ["after", "store.offerMessages"],
    ["before", "inputs.put"],
    ["after", "inputs.put"],
    ["before", "store.deliverMessages"],
    ["after", "store.deliverMessages"],
    ["before", "store.consumeMessages"],
  ] as const) {
    const strike = `struck ${when} ${point}`;
    rmSync(heed, { force: true });
    await daemon.arm({ point, when, nth: 1, act: "kill" });
    // Whoever sends may get no answer; what is durable by then goes on.
    await fault.api<SendAnswer>(path, { text: `${TEXT} ${strike}` }).catch(() => null);
    if (point === "store.consumeMessages") writeFileSync(heed, "");
    expect((await daemon.end).signal, strike).toBe("SIGKILL");

    daemon = await fault.start(env);
    const before = await messageOf(fault, agent.agent_id);
    expect(before.text).toContain(strike);
    const random = before.message_id.slice("MSG-".length);
    const isTaken = (): boolean =>
      readFileSync(stream, "utf8").includes(`${random}","state":"queued"`);
    if (before.state !== "queued") expect(isTaken(), "no false word of a delivery").toBe(true);
    writeFileSync(heed, "");
    const read = await waitFor(
      "the message to be read",
      async () => {
        const now = await messageOf(fault, agent.agent_id);
        return now.state === "consumed" ? now : undefined;
      },
      LONG_MS,
    );
    expect(read, strike).toMatchObject({ way: "input", evidence: "stream", handed_over: 1 });
    expect(copiesOf(`${read.message_id} from`, toldIn(fault.world.home)), strike).toBe(1);
  }
  writeFileSync(join(fault.project, "go"), "");
  await allClean(fault);
  await down(fault, daemon);
});

test.for([
  ["after", "inputs.make"],
  ["after", "host.start"],
] as const)("an input is given back, struck %s %s", { timeout: 180_000 }, async ([when, point]) => {
  await using fault = await makeFaultWorld();
  const env = { PATH: standInPath(fault.world.folder, process.env["PATH"] ?? "") };
  const first = await fault.start(env);
  await first.arm({ point, when, nth: 1, act: "kill" });
  writeFileSync(join(fault.project, "go"), "");
  const more = { harness: "claude", command: undefined } as const;
  await fault.deploy([], more).catch(() => null);
  expect((await first.end).signal, "the strike hit").toBe("SIGKILL");
  const second = await fault.start(env);
  const agents = await allClean(fault);
  expect(agents).toHaveLength(1);
  for (const { agent_id } of agents) {
    const left = readdirSync(join(fault.world.paths.agentsDir, agent_id));
    expect(left).not.toContain("input");
    expect(left).not.toContain("settings.json");
  }
  await down(fault, second);
});

test(
  "what lies in an input that nobody reads any more comes with the next report",
  { timeout: 180_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const env = { PATH: standInPath(fault.world.folder, process.env["PATH"] ?? "") };
    const daemon = await fault.start(env);
    const agent = await fault.deploy([], { harness: "claude", command: undefined });
    const directory = join(fault.world.paths.agentsDir, agent.agent_id);
    const config = JSON.parse(readFileSync(join(directory, "mcp.json"), "utf8")) as {
      readonly mcpServers: {
        readonly corral: { readonly headers: { readonly Authorization: string } };
      };
    };
    const token = config.mcpServers.corral.headers.Authorization.replace("Bearer ", "");
    agentInputs().end(directory);
    const isClosed = () => (agentInputs().isOpen(directory) ? undefined : true);
    await waitFor("its feeder's end", isClosed, LONG_MS);
    const path = `/api/agents/${agent.agent_id}/messages`;
    const { message } = await fault.api<SendAnswer>(path, { text: TEXT });
    expect(message).toMatchObject({ state: "queued", way: null });
    expect(message.waits_for).toContain("next update_agent_progress");
    const inbox = await report(fault, agent, token);
    expect(inbox).toMatchObject({
      messages: [{ message_id: message.message_id, repeated: false }],
    });
    writeFileSync(join(fault.project, "go"), "");
    await allClean(fault);
    await down(fault, daemon);
  },
);

test.for([
  ["after", "store.admitAgent"],
  ["before", "host.start"],
  ["after", "host.start"],
  ["before", "store.settle"],
] as const)(
  "at the head of a resume's prompt, struck %s %s",
  { timeout: 180_000 },
  async ([when, point]) => {
    await using fault = await makeFaultWorld();
    const env = { PATH: standInPath(fault.world.folder, process.env["PATH"] ?? "") };
    const first = await fault.start(env);
    const agent = await fault.deploy([], { harness: "claude", command: undefined });
    const go = join(fault.project, "go");
    const named = { task_id: agent.task_id, agent_id: agent.agent_id };
    const { message } = await fault.api<SendAnswer>("/api/tools/send_agent_message", {
      ...named,
      text: TEXT,
    });
    writeFileSync(go, "");
    await allClean(fault);
    rmSync(go);
    await first.arm({ point, when, nth: 1, act: "kill" });
    const resumed = fault.api<ResumeAnswer>("/api/tools/resume_agent", named).catch(() => null);
    const isAnswered = (await resumed) !== null;
    writeFileSync(go, "");
    expect((await first.end).signal, "the strike hit").toBe("SIGKILL");
    expect(isAnswered, "the resume itself was struck, but at its end").toBe(
      point === "store.settle",
    );

    const second = await fault.start(env);
    await allClean(fault);
    const isToldIn = () => toldIn(fault.world.home).includes(message.message_id);
    const after = await messageOf(fault, agent.agent_id);
    if (after.state !== "queued") expect(isToldIn(), "no false word of a delivery").toBe(true);
    if (after.state !== "consumed") {
      // Whatever became of that try, the conversation goes on, and the message with it.
      const agents = await fault.agents();
      const last = agents.findLast(({ reason }) => !/launch|deploy failed/i.test(reason ?? ""));
      const again = await fault
        .api<ResumeAnswer>("/api/tools/resume_agent", { ...named, agent_id: last!.agent_id })
        .catch(async () => await fault.api<ResumeAnswer>("/api/tools/resume_agent", named));
      expect(again.messages).toEqual([message.message_id]);
      await allClean(fault);
    }
    expect(isToldIn()).toBe(true);
    expect(await messageOf(fault, agent.agent_id)).toMatchObject({
      state: "consumed",
      evidence: "stream",
    });
    const copies = toldIn(fault.world.home).split(message.message_id).length - 1;
    expect(copies).toBeLessThanOrEqual(2);
    if (copies === 2) {
      expect(toldIn(fault.world.home)).toContain("you may have had it already");
    }
    await down(fault, second);
  },
);
