import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { tracesOf } from "../../../../src/adapters/otlp/otlp-exporter.ts";
import type { AgentRecord } from "../../../../src/agents/record.ts";
import type { ToolCall } from "../../../../src/supervision/observed.ts";
import { headersOf, tracesUrl } from "../../../../src/supervision/tracing/endpoint.ts";
import { contextOf, spanOfCall, spansOfAgent } from "../../../../src/supervision/tracing/spans.ts";
import { sourcesBelow } from "../../../helpers/source-graph.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const random = (bytes: number): string => "ab".repeat(bytes);
const CALL: ToolCall = {
  name: "get_agent_output",
  caller: "client",
  taskId: "T1",
  agentId: "fixer-1",
  startedAt: 1_000,
  endedAt: 1_250,
  fault: null,
};
const AGENT = {
  id: "fixer-1",
  taskId: "T1",
  type: "fixer",
  harness: "claude",
  parent: "orchestrator",
  depth: 1,
  status: "completed",
  exitCode: 0,
  reason: null,
  usage: null,
  createdAt: 1_000,
  startedAt: 1_100,
  endedAt: 5_000,
} as unknown as AgentRecord;

describe("spans", () => {
  test("of an agent and of calls about it are one trace, whoever makes them, and another agent's are not", () => {
    const [whole] = spansOfAgent(AGENT, 5_500, digest);
    const call = spanOfCall(CALL, digest, random);
    expect(whole).toMatchObject(contextOf("fixer-1", digest));
    expect(call).toMatchObject({ traceId: whole?.traceId, parentSpanId: whole?.spanId });
    expect(contextOf("fixer-2", digest).traceId).not.toBe(whole?.traceId);
    expect(whole?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(whole?.spanId).toMatch(/^[0-9a-f]{16}$/);
  });

  test("of a life are the whole and its parts, within it", () => {
    const [whole, ...parts] = spansOfAgent(AGENT, 5_500, digest);
    expect(whole).toMatchObject({
      name: "agent fixer",
      startedAt: 1_000,
      endedAt: 5_500,
      error: null,
    });
    expect(parts.map(({ endedAt, name, startedAt }) => [name, startedAt, endedAt])).toEqual([
      ["start", 1_000, 1_100],
      ["run", 1_100, 5_000],
      ["release", 5_000, 5_500],
    ]);
    expect(parts.every(({ parentSpanId }) => parentSpanId === whole?.spanId)).toBe(true);
    expect(new Set([whole, ...parts].map((span) => span?.spanId)).size).toBe(4);
  });

  test("of an agent that never started have no run, and tell why it failed", () => {
    const failed = {
      ...AGENT,
      startedAt: null,
      status: "failed",
      reason: "no such program",
    } as AgentRecord;
    const spans = spansOfAgent(failed, 5_500, digest);
    expect(spans.map(({ name }) => name)).toEqual(["agent fixer", "release"]);
    expect(spans[0]?.error).toBe("no such program");
  });

  test("of a child lead to its parent", () => {
    const child = { ...AGENT, id: "helper-2", parent: "fixer-1" };
    expect(spansOfAgent(child, 5_500, digest)[0]?.links).toEqual([contextOf("fixer-1", digest)]);
  });

  test("of a refused call about nobody are a trace of their own, with the fault", () => {
    const span = spanOfCall({ ...CALL, agentId: null, fault: "TASK_NOT_FOUND" }, digest, random);
    expect(span).toMatchObject({
      traceId: "ab".repeat(16),
      parentSpanId: null,
      error: "TASK_NOT_FOUND",
    });
  });

  test("are written as OTLP has it in JSON", () => {
    const traces = tracesOf(
      [spanOfCall({ ...CALL, fault: "AGENT_NOT_FOUND" }, digest, random)],
      "1.2.3",
    );
    const json = JSON.parse(JSON.stringify(traces));
    const [span] = json.resourceSpans[0].scopeSpans[0].spans;
    expect(json.resourceSpans[0].resource.attributes).toContainEqual({
      key: "service.name",
      value: { stringValue: "corral" },
    });
    expect(span).toMatchObject({
      spanId: "abababababababab",
      kind: 2,
      startTimeUnixNano: "1000000000",
      endTimeUnixNano: "1250000000",
      status: { code: 2, message: "AGENT_NOT_FOUND" },
    });
    const [whole] = spansOfAgent(AGENT, 5_500, digest);
    const { attributes } = JSON.parse(JSON.stringify(tracesOf([whole!], "1"))).resourceSpans[0]
      .scopeSpans[0].spans[0];
    expect(attributes).toContainEqual({ key: "process.exit.code", value: { intValue: "0" } });
  });
});

describe("the endpoint", () => {
  test("is off by default, and the setting comes before the environment", () => {
    expect(tracesUrl("", {})).toBeNull();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318/" };
    expect(tracesUrl("", env)).toBe("http://127.0.0.1:4318/v1/traces");
    expect(tracesUrl("https://example.org/otlp", env)).toBe("https://example.org/otlp/v1/traces");
    const exact = { ...env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:9/x" };
    expect(tracesUrl("", exact)).toBe("http://127.0.0.1:9/x");
    expect(tracesUrl("", { ...env, OTEL_SDK_DISABLED: "true" })).toBeNull();
    expect(tracesUrl("", { OTEL_EXPORTER_OTLP_ENDPOINT: "unix:/nowhere" })).toBeNull();
  });

  test("takes headers as OpenTelemetry writes them, and none that would break a request", () => {
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS:
        "Authorization=Bearer%20x%3Dy, x-team = a ,broken,=b,c d=e,bad=%0A",
    };
    expect(headersOf(env)).toEqual({ authorization: "Bearer x=y", "x-team": "a" });
    expect(headersOf({})).toEqual({});
  });
});

test("nothing of tracing is loaded while it is off", () => {
  const heavy = new Set([
    "src/adapters/otlp/otlp-exporter.ts",
    "src/supervision/tracing/tracing.ts",
  ]);
  const imports = sourcesBelow("src").flatMap(({ imports: all }) => all);
  const kinds = imports.filter(({ file }) => heavy.has(file ?? "")).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(["dynamic", "type"]));
});
