/** Rounds in which a runner dies at one of its system calls, from its first to its last. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentView } from "../../src/contract/agent.ts";
import { standInPath } from "./conversation.ts";
import { waitFor } from "./daemon-process.ts";
import { type CallReport, sampleOf } from "./fault-calls.ts";
import { lastComplaints } from "./fault-rounds.ts";
import { AGENTS } from "./fault-scenarios.ts";
import type { FaultDaemon, FaultWorld } from "./fault-world.ts";
import { readTrace, tracedFromBirth } from "./tracer.ts";

/** What a shell does that others can see: files, children, pipes, signals, and waiting for a child. */
const KINDS = [
  "clone",
  "close",
  "dup2",
  "execve",
  "kill",
  "openat",
  "pipe2",
  "read",
  "vfork",
  "wait4",
  "write",
];

/** Of them those by which it makes an input and its feeder: the rest it does without one, too. */
const FED_KINDS = ["clone", "dup2", "openat", "vfork"];

/** Its runners are plain children, and an agent that does not come up is given up soon. */
export const STRUCK_RUNNERS: Readonly<Record<string, string>> = {
  CORRAL_HOST: "process",
  CORRAL_START_DEADLINE_MS: "700",
};

/** What a struck runner runs. */
export type Ran = "leaver" | "fed";

/** Ends well and leaves four processes: what its dead runner cannot clear any more. */
const LEAVER = [join(AGENTS, "leaver.sh"), "300"];

/** Ends well with its input open: what its dead runner's feeder waits at. */
function deployOf(fault: FaultWorld, ran: Ran): Promise<AgentView> {
  if (ran === "leaver") return fault.deploy(LEAVER);
  writeFileSync(join(fault.project, "go"), "");
  return fault.deploy([], { harness: "claude", command: undefined });
}

/**
 * A runner dies at each of a sample of its calls. Its agent is `lost` or what its record says; never a
 * success without a record, and nothing of it is left.
 *
 * @param isFollowed  True: each process that the runner starts dies at its own n-th call as well.
 * @param ran         What it runs: a command that leaves processes, or one with an input.
 */
export async function killRunners(
  fault: FaultWorld,
  every: number,
  isFollowed = false,
  ran: Ran = "leaver",
): Promise<CallReport> {
  const PATH = standInPath(fault.world.folder, process.env["PATH"] ?? "");
  const daemon = await fault.start({ ...STRUCK_RUNNERS, PATH });
  const file = join(fault.world.folder, "calls");
  await deployTraced(fault, daemon, ran, tracedFromBirth(file, ran === "fed" ? FED_KINDS : KINDS));
  const calls = sampleOf(readTrace(file).calls, every);
  const wrong: string[] = [];
  let struck = 0;
  for (const at of calls) {
    rmSync(file, { force: true });
    const words = tracedFromBirth(file, [at.kind], { at, is: "SIGKILL" }, isFollowed);
    const seen = await deployTraced(fault, daemon, ran, words);
    // The tracer leaves when what it traces has ended; its last word may come a moment later.
    const isKilled = await waitFor("the tracer's word", () => told(file), 2_000).catch(() => false);
    if (isKilled) struck += 1;
    wrong.push(...seen.map((what) => `${at.kind}:${at.nth}: ${what}`));
  }
  await daemon.beforeRunners([]);
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains().map((what) => `after down: ${what}`));
  return { struck, missed: calls.length - struck, wrong };
}

function told(file: string): true | undefined {
  return existsSync(file) && readTrace(file).isKilled ? true : undefined;
}

/** Deploys one agent whose runner is traced so, and waits until all is over. @returns what is wrong then. */
async function deployTraced(
  fault: FaultWorld,
  daemon: FaultDaemon,
  ran: Ran,
  words: readonly string[],
): Promise<readonly string[]> {
  await daemon.beforeRunners(words);
  const before = new Set((await fault.agents()).map(({ agent_id }) => agent_id));
  await deployOf(fault, ran).catch(() => undefined); // it may never have come up
  try {
    const agents = await waitFor(
      "every agent to be clean",
      async () => {
        const seen = await fault.agents();
        return seen.every(isClean) ? seen : undefined;
      },
      20_000,
    );
    const mine = agents.filter(({ agent_id }) => !before.has(agent_id));
    return [...mine.flatMap((agent) => wrongEnd(fault, agent)), ...(await lastComplaints(fault))];
  } catch (error) {
    return [`${String(error)}; ${fault.complaints().join("; ")}`];
  }
}

function isClean({ ended_at, cleanup }: AgentView): boolean {
  return ended_at !== null && cleanup.state === "clean";
}

/** A record makes it completed with its code; without one nothing may be guessed. */
function wrongEnd({ world }: FaultWorld, agent: AgentView): readonly string[] {
  const { agent_id: id, status, exit_code: code, reason } = agent;
  const record = join(world.paths.agentsDir, id, "exit.json");
  const isRecorded = existsSync(record) && readFileSync(record, "utf8").includes('"code"');
  const isFailedDeploy = status === "failed" && String(reason).startsWith("Its deploy failed");
  const isLost = status === "lost" && code === null;
  // A record that comes after the runner's death may come too late: see complaintsOf.
  const isTrue = isLost || (isRecorded && (status === "completed") === (code === 0));
  const isRight = isFailedDeploy || isTrue;
  return isRight ? [] : [`${id} is ${status} with ${code}: ${reason}`];
}
