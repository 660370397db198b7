/** The two stops of a daemon: end the agents and leave, or leave and keep them. */
import type { LeaveAnswer } from "../contract/api.ts";
import { messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import type { Undos } from "../ledger/ports.ts";
import { receiptOf } from "../ledger/receipt.ts";
import { releaseAll } from "../ledger/release.ts";
import { DAEMON_OWNER } from "../ledger/resource.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { StopOrder } from "./stops.ts";
import type { Setting } from "./setting.ts";
import { stopOrKill } from "./stop-or-kill.ts";
import { receiptView } from "./views.ts";
import { enoughAre, isCleanOrStuck, waitUntil } from "./waiting.ts";

/** Time for killing and looking, on top of the graces. */
const KILLING_MS = 3 * SECOND_MS;

/**
 * Stops every agent in parallel, within the configured time, and releases what they and the
 * daemon hold. What is stuck stays in the ledger, named, for the next sweep.
 */
export async function endAll(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
): Promise<LeaveAnswer> {
  const { store, configuration } = setting;
  const { grace_ms, term_ms, shutdown_ms } = configuration();
  const unfinished = store.unfinishedAgents();
  const graceMs = Math.max(0, Math.min(grace_ms, shutdown_ms - term_ms));
  const ended = unfinished.filter(({ endedAt }) => endedAt === null);
  const order = { cause: "shutdown", reason: "Corral was shut down.", graceMs } as const;
  await Promise.all(ended.map(({ id }) => stopOrTell(setting, loops, id, order)));
  for (const { id } of unfinished) loops.poke(id);
  const ids = unfinished.map(({ id }) => id);
  const isDone = (id: AgentId): boolean => isCleanOrStuck(setting, id);
  await waitUntil(setting, enoughAre(ids, isDone, ids.length), shutdown_ms + KILLING_MS);
  await loops.close();
  if (store.countLive() === 0) await releaseAll(DAEMON_OWNER, store, undos);
  const agents = unfinished.map(({ id }) => receiptView(store, loops, store.agent(id)!));
  const daemon = receiptOf(DAEMON_OWNER, store.resourcesOf(DAEMON_OWNER), true, []);
  return {
    mode: "end",
    agents_ended: ended.length,
    agents_kept: store.countLive(),
    receipts: [...agents, daemon],
  };
}

/** One agent whose stop could not be recorded keeps no other from its own. */
async function stopOrTell(
  setting: Setting,
  loops: AgentLoops,
  agentId: AgentId,
  order: StopOrder,
): Promise<void> {
  try {
    await stopOrKill(setting, loops, agentId, order);
  } catch (error) {
    setting.log.warn("agent.stop_not_recorded", { agentId, cause: messageOf(error) });
  }
}

/** Leaves without touching an agent; the next daemon takes them over. */
export async function detach(setting: Setting, loops: AgentLoops): Promise<LeaveAnswer> {
  await loops.close();
  return { mode: "detach", agents_ended: 0, agents_kept: setting.store.countLive(), receipts: [] };
}
