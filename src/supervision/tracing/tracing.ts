/**
 * Gathers spans and hands them on: a bounded queue, one batch on its way at a time. Nobody waits
 * for a collector, and one that is down costs the newest spans once the queue is full.
 */
import type { CorralEvent } from "../../contract/events.ts";
import { messageOf } from "../../kernel/fault.ts";
import { MINUTE_MS, SECOND_MS } from "../../kernel/units.ts";
import type { ToolCall } from "../observed.ts";
import type { Setting } from "../setting.ts";
import { type Span, spanOfCall, spansOfAgent } from "./spans.ts";

const QUEUE_MOST = 2_048;
const BATCH_MOST = 256;
const FLUSH_MS = 2 * SECOND_MS;
const RETRY_MOST_MS = MINUTE_MS;
/** The collector's part of a daemon's leaving. */
const CLOSE_MS = SECOND_MS;

export interface SpanExporter {
  /**
   * Sends one batch. Never throws; bounded in time.
   * @returns whether it was taken, may be tried again, or will never be taken.
   */
  send(spans: readonly Span[]): Promise<"taken" | "later" | "refused">;
}

export interface Tracing {
  onCall(call: ToolCall): void;
  onEvent(event: CorralEvent): void;
  /** Sends what there is, for a second at most, and no more. May be called twice. */
  close(): Promise<void>;
}

export function tracing(setting: Setting, exporter: SpanExporter): Tracing {
  const { chance, clock, digest, log, secrets, store, timers } = setting;
  const salted = (text: string): string => digest(`${store.world.salt} ${text}`);
  let queue: Span[] = [];
  let [dropped, failures] = [0, 0];
  let sending: Promise<void> | null = null;
  let cancel: (() => void) | null = null;
  let [isClosed, isGivenUp] = [false, false];

  const add = (spans: readonly Span[]): void => {
    if (isClosed) return;
    const room = QUEUE_MOST - queue.length;
    dropped += Math.max(0, spans.length - room);
    queue.push(...secrets.value(spans.slice(0, Math.max(0, room))));
    arm(queue.length >= BATCH_MOST && failures === 0 ? 0 : FLUSH_MS);
  };

  const arm = (ms: number): void => {
    if (sending !== null || cancel !== null || isClosed || queue.length === 0) return;
    cancel = timers.after(ms, () => {
      cancel = null;
      sending = flush().finally(() => {
        sending = null;
        arm(
          failures === 0
            ? FLUSH_MS
            : Math.min(RETRY_MOST_MS, SECOND_MS * 2 ** Math.min(failures, 10)),
        );
      });
    });
  };

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH_MOST);
      const outcome = await exporter.send(batch);
      if (outcome === "later") {
        failures += 1;
        if (failures === 1) log.warn("traces.not_taken", { waiting: queue.length });
        return;
      }
      queue = queue.slice(batch.length);
      if (outcome === "refused") dropped += batch.length;
      failures = 0;
      if (dropped > 0) log.warn("traces.dropped", { spans: dropped });
      dropped = 0;
      if (isGivenUp) return;
    }
  };

  return {
    onCall: (call) => add([spanOfCall(call, salted, chance.hex)]),
    onEvent({ agent_id: id, kind }) {
      if (kind !== "agent.clean" || id === null) return;
      try {
        const agent = store.agent(id);
        if (agent !== null) add(spansOfAgent(agent, clock.now(), salted));
      } catch (error) {
        log.warn("traces.no_span", { agentId: id, cause: messageOf(error) });
      }
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      cancel?.();
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = timers.after(CLOSE_MS, resolve);
      await Promise.race([(sending ?? Promise.resolve()).then(flush), promise]);
      isGivenUp = true;
      stop();
    },
  };
}
