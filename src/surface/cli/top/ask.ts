/** Asking the daemon for a look, in few questions. */
import type { ApiClient } from "../../../contract/client.ts";
import type { Fault } from "../../../kernel/fault.ts";
import type { Use } from "./model.ts";
import type { Look } from "./take.ts";

/** More agents than that never live at once. */
const AGENTS_MOST = 10_000;

/**
 * One look at everything that lives.
 * @throws {Fault} DAEMON_UNREACHABLE, and whatever else the daemon says.
 */
export async function lookAtAll(client: ApiClient, now: () => number): Promise<Look> {
  const [{ agents }, health, machine, samples] = await Promise.all([
    client.agents({ limit: AGENTS_MOST }),
    client.health(),
    client.machine(),
    client.samples(),
  ]);
  const use = samples.agents.map(({ agent_id: id, sample, listens }): [string, Use] => [
    id,
    { sample, listens },
  ]);
  return { at: now(), agents, health, machine, use: new Map(use) };
}

/** True for what ends by itself as soon as a daemon is there again. */
export function isGone({ code }: Fault): boolean {
  return code === "DAEMON_UNREACHABLE" || code === "DAEMON_STOPPING";
}
