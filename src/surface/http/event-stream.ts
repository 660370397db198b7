/**
 * Server-Sent Events, resumable by sequence number.
 *
 * A reader pulls: each stream remembers the last event it wrote and writes the next when its
 * connection has taken that one. So a slow reader costs one event, however many there are, and
 * need not be dropped; a missed wake-up costs a heartbeat's time, never an event.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { CorralEvent } from "../../contract/events.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import type { Operations } from "../../supervision/operations.ts";
import { parseInput } from "../mcp/parse-input.ts";
import { EventsQuery } from "./route-answers.ts";

const PAGE_EVENTS = 64;
const HEARTBEAT_MS = 15 * SECOND_MS;
/** What readers are told to wait before they connect again. Milliseconds. */
const RETRY_MS = 1_000;

export interface EventStreams {
  /**
   * Answers one request with events after `?after=` or Last-Event-ID (which wins: it is what a
   * reconnecting reader really saw); with neither, with those that happen from now on.
   * Returns at once; the stream goes on until the reader leaves. With `?samples=1` its reader looks on at
   * samples for as long, however it leaves.
   * @throws {Fault} INPUT_INVALID for a sequence number that is none.
   */
  open(request: IncomingMessage, response: ServerResponse, query: object): void;
  /** Ends every stream; readers may resume elsewhere. */
  endAll(): void;
}

/** @param operations  Where events come from, in order. */
export function eventStreams(
  operations: Pick<Operations, "eventsAfter" | "lookOn" | "onEvent">,
): EventStreams {
  const open = new Set<() => void>();
  return {
    open: (request, response, query) => {
      const { after, samples } = asked(request, query);
      const end = follow(operations, response, after);
      const lookAway = samples === "1" ? operations.lookOn() : () => undefined;
      open.add(end);
      response.once("close", () => {
        open.delete(end);
        lookAway();
      });
    },
    endAll: () => {
      for (const end of open) end();
    },
  };
}

function asked(request: IncomingMessage, query: object): z.infer<typeof EventsQuery> {
  const last = request.headers["last-event-id"];
  const given = last === undefined ? query : { ...query, after: last };
  return parseInput(EventsQuery, given, "GET /api/events");
}

function follow(
  operations: Pick<Operations, "eventsAfter" | "onEvent">,
  response: ServerResponse,
  start: number | undefined,
): () => void {
  let last = start;
  let waitingForDrain = false;

  function write(text: string): void {
    if (!response.write(text)) waitingForDrain = true;
  }

  function pump(): void {
    while (last !== undefined && !waitingForDrain && !response.destroyed) {
      const page = operations.eventsAfter(last, PAGE_EVENTS);
      if (page.length === 0) return;
      for (const event of page) {
        write(framed(event));
        last = event.seq;
        if (waitingForDrain) break;
      }
    }
  }

  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  write(`retry: ${RETRY_MS}\n\n`);
  response.on("drain", () => {
    waitingForDrain = false;
    pump();
  });
  const stop = operations.onEvent((event) => {
    last ??= event.seq - 1;
    pump();
  });
  const heartbeat = setInterval(() => {
    if (!waitingForDrain) write(": still here\n\n");
    pump();
  }, HEARTBEAT_MS);
  response.once("close", () => {
    stop();
    clearInterval(heartbeat);
  });
  pump();
  return () => response.end();
}

function framed(event: CorralEvent): string {
  return `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
