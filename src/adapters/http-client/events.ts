/** Reading the daemon's event stream: Server-Sent Events, resumed by sequence number. */
import { setTimeout as sleep } from "node:timers/promises";
import type { IncomingMessage } from "node:http";
import { CorralEvent } from "../../contract/events.ts";
import { Fault } from "../../kernel/fault.ts";
import { exchange } from "./connection.ts";
import type { DaemonAddress } from "./connection.ts";

const RECONNECT_MS = 250;
const RECONNECT_MAX_MS = 5_000;

/**
 * See `ApiClient.events`. Between two connections it waits 250 ms, then twice as long each
 * time up to 5 s, until one succeeds.
 */
export async function* followEvents(
  address: DaemonAddress,
  after: number | undefined,
  signal: AbortSignal | undefined,
  looksOn: boolean,
): AsyncGenerator<CorralEvent> {
  let last = after;
  let everConnected = false;
  let waitMs = RECONNECT_MS;
  const gone = (): boolean => signal?.aborted === true;
  while (!gone()) {
    try {
      const response = await connect(address, last, signal, looksOn);
      everConnected = true;
      waitMs = RECONNECT_MS;
      for await (const event of eventsIn(response)) {
        // A resumed stream may begin with what was seen: each event is given once.
        if (last !== undefined && event.seq <= last) continue;
        last = event.seq;
        yield event;
      }
    } catch (error) {
      if (gone()) return;
      if (!everConnected || !isLost(error)) throw error;
    }
    if (gone()) return;
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS);
  }
}

function connect(
  address: DaemonAddress,
  after: number | undefined,
  signal: AbortSignal | undefined,
  looksOn: boolean,
): Promise<IncomingMessage> {
  const asked = [
    ...(after === undefined ? [] : [`after=${after}`]),
    ...(looksOn ? ["samples=1"] : []),
  ];
  const query = asked.length === 0 ? "" : `?${asked.join("&")}`;
  return exchange(address, {
    method: "GET",
    path: `/api/events${query}`,
    headers: { accept: "text/event-stream" },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** True for what another connection may cure: the daemon gone, leaving, or its answer cut off. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Fault)) return true;
  return error.code === "DAEMON_UNREACHABLE" || error.code === "DAEMON_STOPPING";
}

async function* eventsIn(response: IncomingMessage): AsyncGenerator<CorralEvent> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data !== undefined) yield CorralEvent.parse(JSON.parse(data.slice("data: ".length)));
    }
  }
}
