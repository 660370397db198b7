/** Spans on their way to a collector that records, refuses, hangs or is down; its sockets are real. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { otlpExporter } from "../../src/adapters/otlp/otlp-exporter.ts";
import { machineClock, machineTimers } from "../../src/adapters/time/machine-time.ts";
import { formRedactor } from "../../src/output/redact.ts";
import type { ToolCall } from "../../src/supervision/observed.ts";
import type { Setting } from "../../src/supervision/setting.ts";
import type { Span } from "../../src/supervision/tracing/spans.ts";
import { type SpanExporter, tracing } from "../../src/supervision/tracing/tracing.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { recordingLog } from "../helpers/serving.ts";

const CALL: ToolCall = {
  name: "list_tasks",
  caller: "client",
  taskId: null,
  agentId: null,
  startedAt: 1,
  endedAt: 2,
  fault: null,
};

async function collector() {
  const names: string[] = [];
  const headers: unknown[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const json = JSON.parse(Buffer.concat(chunks).toString());
      headers.push(request.headers["x-team"]);
      if (status === 200) {
        for (const span of json.resourceSpans[0].scopeSpans[0].spans) names.push(span.name);
      }
      if (status !== 0) response.writeHead(status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    names,
    headers,
    answer: (next: number) => (status = next),
    url: `http://127.0.0.1:${port}/v1/traces`,
  };
}

function tracer(exporter: SpanExporter) {
  const { log, logged } = recordingLog();
  let id = 0;
  const setting = {
    chance: { hex: (bytes: number) => (id += 1).toString(16).padStart(bytes * 2, "0") },
    clock: machineClock,
    timers: machineTimers,
    digest: (text: string) => text,
    log,
    secrets: formRedactor(),
    store: { agent: () => null, world: { salt: "s" } },
  } as unknown as Setting;
  const traces = tracing(setting, exporter);
  onTestFinished(() => traces.close());
  return { traces, logged };
}

const over = (url: string): SpanExporter =>
  otlpExporter({ url, headers: { "x-team": "a" }, version: "1.2.3", log: recordingLog().log });

describe("traces", () => {
  test("reach a collector, with the headers that it asks for", async () => {
    const to = await collector();
    const { traces } = tracer(over(to.url));
    traces.onCall(CALL);
    await waitFor("the span", () => to.names.length > 0 || undefined);
    expect(to.names).toEqual(["tool list_tasks"]);
    expect(to.headers).toEqual(["a"]);
  });

  test("wait for a collector that says later, and are not sent twice to one that has taken them", async () => {
    const to = await collector();
    to.answer(503);
    const { logged, traces } = tracer(over(to.url));
    traces.onCall(CALL);
    await waitFor(
      "a refusal",
      () => logged.some(({ event }) => event === "traces.not_taken") || undefined,
    );
    to.answer(200);
    traces.onCall(CALL);
    await waitFor("both spans", () => to.names.length >= 2 || undefined);
    await traces.close();
    expect(to.names).toHaveLength(2);
  });

  test("that a collector will never take are dropped, and the next are sent", async () => {
    const to = await collector();
    to.answer(400);
    const { logged, traces } = tracer(over(to.url));
    traces.onCall(CALL);
    await waitFor(
      "the word of it",
      () => logged.some(({ event }) => event === "traces.dropped") || undefined,
    );
    to.answer(200);
    traces.onCall(CALL);
    await waitFor("the next", () => to.names.length === 1 || undefined);
  });

  test("are sent when the daemon leaves, and a collector that hangs does not keep it", async () => {
    const to = await collector();
    const first = tracer(over(to.url)).traces;
    for (let call = 0; call < 600; call += 1) first.onCall(CALL);
    await first.close();
    expect(to.names).toHaveLength(600);
    to.answer(0);
    const second = tracer(over(to.url)).traces;
    second.onCall(CALL);
    await second.close();
    expect(to.names).toHaveLength(600);
  });

  test("are bounded while nobody takes them, and hold nobody up", async () => {
    const sizes: number[] = [];
    const { promise: isUp, resolve: comeUp } = Promise.withResolvers<"later">();
    const { logged, traces } = tracer({
      send: async (spans) => {
        sizes.push(spans.length);
        return sizes.length === 1 ? isUp : "taken";
      },
    });
    for (let call = 0; call < 10_000; call += 1) traces.onCall(CALL);
    await waitFor("a batch on its way", () => sizes.length > 0 || undefined);
    comeUp("later");
    await traces.close();
    const [, ...taken] = sizes;
    expect(taken.reduce((sum, size) => sum + size, 0)).toBe(2_048);
    expect(logged).toContainEqual(
      expect.objectContaining({ event: "traces.dropped", facts: { spans: 10_000 - 2_048 } }),
    );
  });

  test("hold no secret", async () => {
    const sent: Span[] = [];
    const { traces } = tracer({
      send: async (spans) => {
        sent.push(...spans);
        return "taken";
      },
    });
    traces.onCall({ ...CALL, taskId: "ghp_abcdefghijklmnopqrstuvwxyz0123456789" });
    await traces.close();
    expect(sent).toHaveLength(1);
    expect(JSON.stringify(sent)).not.toContain("ghp_");
  });
});
