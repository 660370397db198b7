import { Fault } from "../../../kernel/fault.ts";
import type { ApiClient } from "../../../contract/client.ts";
import type { CliPorts, Offline } from "../ports.ts";

/**
 * Asks the daemon, and does it here when there certainly is none.
 *
 * @throws {Fault} whatever the daemon, or the work without it, answers with.
 */
export async function daemonOrOffline<T>(
  ports: CliPorts,
  online: (client: ApiClient) => Promise<T>,
  offline: (offline: Offline) => Promise<T>,
): Promise<T> {
  const client = await ports.client();
  try {
    await client.health();
  } catch (thrown) {
    if (!isNoDaemon(thrown)) throw thrown;
    return await offline(ports.offline);
  }
  return await online(client);
}

/** True when nobody listens; a daemon that left in the middle of an answer may still be at work. */
export function isNoDaemon(thrown: unknown): boolean {
  return (
    thrown instanceof Fault &&
    thrown.code === "DAEMON_UNREACHABLE" &&
    thrown.details["sent"] !== true
  );
}
