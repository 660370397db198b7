/** Every part of Corral that a SIGKILL may strike, and rounds in which some of them die one after the other. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { AgentView } from "../../src/contract/agent.ts";
import { errnoOf } from "../../src/kernel/fault.ts";
import { ended, waitFor } from "./daemon-process.ts";
import { identityOf, markedBy } from "./fault-reckoning.ts";
import { lastComplaints } from "./fault-rounds.ts";
import { killAll } from "./fault-scenarios.ts";
import type { FaultDaemon, FaultWorld } from "./fault-world.ts";
import { processOf } from "./os-look.ts";

/** Bridge: `corral mcp` of a client that is connected. Client: `corral logs -f` that has shown a line. */
export const PARTS = ["daemon", "runner", "tmux server", "bridge", "client", "agent"] as const;
export type Part = (typeof PARTS)[number];

const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");
const HELLO = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "orders", version: "1" },
  },
};
const SPEAKING = ["/bin/sh", "-c", "echo ready; exec sleep 300"];

/** Every order in which these can come, the shorter ones left out. */
export function permutations<T>(parts: readonly T[]): readonly (readonly T[])[] {
  if (parts.length < 2) return [parts];
  return parts.flatMap((first) =>
    permutations(parts.filter((part) => part !== first)).map((rest) => [first].concat(rest)),
  );
}

/** Every two of these, in both orders. */
export function orderedPairs<T>(parts: readonly T[]): readonly (readonly [T, T])[] {
  return parts.flatMap((first) =>
    parts.filter((part) => part !== first).map((second) => [first, second] as const),
  );
}

/**
 * Starts a daemon that archives nothing meanwhile: what became of the agents of earlier rounds would be
 * seen in the looks at a later one, half done.
 */
export async function startForOrders(fault: FaultWorld): Promise<FaultDaemon> {
  return await fault.start({ CORRAL_ARCHIVE_AFTER_MS: "86400000" });
}

/**
 * Deploys an agent, kills these parts in this order, starts a daemon if it was among them, and looks: how the agent
 * ended, that nothing is left once it has ended, that a second pass finds nothing to do.
 *
 * @param daemon  One that answers. The one that answers afterwards is in `daemon` of what is returned.
 */
export async function killInOrder(
  fault: FaultWorld,
  daemon: FaultDaemon,
  order: readonly Part[],
): Promise<{ readonly daemon: FaultDaemon; readonly wrong: readonly string[] }> {
  const agent = await fault.deploy(SPEAKING);
  const others = await startOthers(fault, agent, order);
  for (const part of order) await killPart(part, { fault, daemon, agent, others });
  const next = order.includes("daemon") ? await startForOrders(fault) : daemon;
  const wrong = [...(await wrongLife(fault, agent, order)), ...(await wrongAfter(fault))];
  for (const other of others.values()) other.kill("SIGKILL");
  await Promise.all([...others.values()].map((other) => ended(other)));
  return { daemon: next, wrong };
}

interface Scene {
  readonly fault: FaultWorld;
  readonly daemon: FaultDaemon;
  readonly agent: AgentView;
  readonly others: ReadonlyMap<Part, ChildProcess>;
}

async function startOthers(
  { world }: FaultWorld,
  agent: AgentView,
  order: readonly Part[],
): Promise<ReadonlyMap<Part, ChildProcess>> {
  const others = new Map<Part, ChildProcess>();
  const start = async (part: Part, verb: readonly string[], says: object | null): Promise<void> => {
    if (!order.includes(part)) return;
    const child = spawn(process.execPath, [LAUNCHER, ...verb], {
      cwd: world.folder,
      env: { ...world.env },
      stdio: ["pipe", "pipe", "ignore"],
    });
    others.set(part, child);
    child.stdin.on("error", () => undefined); // it is killed before it has read all
    if (says !== null) child.stdin.write(`${JSON.stringify(says)}\n`);
    await once(child.stdout, "data"); // it is at work
  };
  await start("bridge", ["mcp"], HELLO);
  await start("client", ["logs", "-f", agent.agent_id], null);
  return others;
}

async function killPart(part: Part, scene: Scene): Promise<void> {
  const { fault, daemon, agent, others } = scene;
  switch (part) {
    case "daemon":
      daemon.child.kill("SIGKILL");
      await daemon.end;
      return;
    case "bridge":
    case "client": {
      const child = others.get(part);
      child?.kill("SIGKILL");
      if (child !== undefined) await ended(child);
      return;
    }
    case "tmux server": {
      return await killAndWait(
        markedBy(identityOf(fault.world)).find(({ name }) => name === "tmux: server")?.pid,
      );
    }
    case "runner":
      return await killAndWait(recordedPid(fault, agent, "runner.json"));
    case "agent":
      return await killAndWait(recordedPid(fault, agent, "started.json"));
  }
}

function recordedPid({ world }: FaultWorld, { agent_id: id }: AgentView, name: string): number {
  const text = readFileSync(join(world.paths.agentsDir, id, name), "utf8");
  return (JSON.parse(text) as { pid: number }).pid;
}

/** What an earlier kill of the same order has ended already is dead as well. */
async function killAndWait(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
  await waitFor("its end", () => (processOf(pid) === undefined ? true : undefined));
}

/** How the agent must have ended, or that it lives and can be stopped. */
async function wrongLife(
  fault: FaultWorld,
  { agent_id: id }: AgentView,
  order: readonly Part[],
): Promise<readonly string[]> {
  const [runner, agent] = [order.indexOf("runner"), order.indexOf("agent")];
  const isEnded = runner >= 0 || agent >= 0;
  const view = await waitFor("its status", async () => {
    const seen = await fault.api<AgentView>(`/api/agents/${id}`);
    return (seen.ended_at !== null) === isEnded ? seen : undefined;
  }).catch(() => fault.api<AgentView>(`/api/agents/${id}`));
  if (!isEnded) await killAll(fault, 0);
  const {
    status,
    exit_code: code,
    signal,
  } = isEnded ? view : await fault.api<AgentView>(`/api/agents/${id}`);
  const seen = `${status}/${code}/${signal}`;
  const expected = expectedEnds(runner, agent);
  return expected.includes(seen) ? [] : [`it ended ${seen}, not ${expected.join(" or ")}`];
}

/** A runner's death is never a success, and nothing is guessed; an agent's is told by its runner, if that lives. */
function expectedEnds(runner: number, agent: number): readonly string[] {
  const [lost, died] = ["lost/null/null", "failed/null/SIGKILL"];
  if (runner < 0 && agent < 0) return ["killed/null/SIGKILL"];
  if (agent < 0 || (runner >= 0 && runner < agent)) return [lost];
  // Between the two the runner may have come to write it down.
  return runner < 0 ? [died] : [died, lost];
}

async function wrongAfter(fault: FaultWorld): Promise<readonly string[]> {
  try {
    await fault.quiet();
    const complaints = await lastComplaints(fault);
    const before = fault.snapshot();
    await fault.api("/api/sweep", { apply: true });
    const isSame = isDeepStrictEqual(fault.snapshot(), before);
    return [...complaints, ...(isSame ? [] : ["a second pass changed something"])];
  } catch (error) {
    return [`${String(error)}; ${fault.complaints().join("; ")}`];
  }
}
