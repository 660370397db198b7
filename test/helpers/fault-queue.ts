/** Agents that wait for the quota of their account, in a world whose Codex is played. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentView } from "../../src/contract/agent.ts";
import { install, STREAMS } from "../e2e/played.ts";
import { waitFor } from "./daemon-process.ts";
import type { Scenario } from "./fault-scenarios.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "./fault-world.ts";

const LIMIT = "You've hit your usage limit. Try again in 2 hours.";
const ENDED_MS = 30_000;

/** A fault world in which `codex` is a program that plays; its host is the quicker one, since others are struck in tmux. */
export function queueWorld(): Promise<FaultWorld> {
  return makeFaultWorld((world) => ({ PATH: install(world, "codex"), CORRAL_HOST: "process" }));
}

function play(fault: FaultWorld, more: Readonly<Record<string, unknown>>): Promise<AgentView> {
  return fault.deploy([], { harness: "codex", command: undefined, ...more });
}

/** Has an agent refused for its quota: from now on deploys wait. */
export async function useUpQuota(fault: FaultWorld): Promise<void> {
  const stream = join(fault.world.folder, "limit.jsonl");
  const over = { type: "turn.failed", error: { message: LIMIT } };
  writeFileSync(stream, `${JSON.stringify(over)}\n`);
  const { agent_id } = await play(fault, { env: { PLAY: stream, NEXT: "exit 1" } });
  await waitEnded(fault, agent_id);
}

/** Deploys an agent that waits, and writes its id down each time that it runs. */
export async function queueOne(fault: FaultWorld): Promise<AgentView> {
  const env = {
    PLAY: join(STREAMS, "codex/happy.jsonl"),
    NEXT: `echo "$CORRAL_AGENT_ID" >>"${ranPath(fault)}"; exit 0`,
  };
  return await play(fault, { on_quota: "wait", env });
}

/** Says that the quota is there again. */
export async function giveQuota(fault: FaultWorld): Promise<void> {
  await fault.api("/api/quota/reset", { harness: "codex" });
}

/** Sets the clock ahead, and has the queue looked at now: it is by every reset, also by one that closes nothing. */
export async function setAheadAndLook(
  fault: FaultWorld,
  daemon: FaultDaemon,
  ms: number,
): Promise<void> {
  await daemon.setAhead(ms);
  // It may die of what it begins.
  await fault.api("/api/quota/reset", { harness: "claude" }).catch(() => undefined);
}

export async function waitEnded(fault: FaultWorld, id: string): Promise<AgentView> {
  return await waitFor(
    `the end of ${id}`,
    async () => {
      const agent = await fault.api<AgentView>(`/api/agents/${id}`);
      // What has never begun has nothing to clean up.
      const isClean = agent.cleanup.state === "clean" || agent.cleanup.state === "none";
      return agent.ended_at !== null && isClean ? agent : undefined;
    },
    ENDED_MS,
  );
}

function ranPath({ world }: FaultWorld): string {
  return join(world.folder, "ran");
}

/** Who has run, once for each time. */
export function ranIn(fault: FaultWorld): readonly string[] {
  appendFileSync(ranPath(fault), "");
  return readFileSync(ranPath(fault), "utf8").split("\n").filter(Boolean);
}

/** An agent that waits is started because its quota is there again. */
export const QUEUED_START: Scenario = {
  name: "the start of a queued deploy",
  since: "store.startQueued",
  until: "store.markRunning",
  changesOnly: true,
  prepare: async (fault) => {
    await useUpQuota(fault);
    await queueOne(fault);
  },
  run: async (fault) => {
    await giveQuota(fault);
    for (const { agent_id, ended_at } of await fault.agents())
      if (ended_at === null) await waitEnded(fault, agent_id);
  },
};
