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
  const [{ agents }, health, machine, report] = await Promise.all([
    client.agents({ limit: AGENTS_MOST }),
    client.health(),
    client.machine(),
    client.tool("get_resource_report", {}),
  ]);
  const at = Date.parse(report.at);
  const use = report.agents.map(
    ({ agent_id: id, processes, memory_bytes: memoryBytes, cpu_ms: cpuMs }): [string, Use] => [
      id,
      { at, processes, memoryBytes, cpuMs },
    ],
  );
  return { at: now(), agents, health, machine, use: new Map(use), alerts: report.alerts };
}

/** True for what ends by itself as soon as a daemon is there again. */
export function isGone({ code }: Fault): boolean {
  return code === "DAEMON_UNREACHABLE" || code === "DAEMON_STOPPING";
}
