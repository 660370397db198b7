/** Sends spans over OTLP/HTTP in JSON. Loaded only when an endpoint is configured. */
import { messageOf } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/ports.ts";
import type { Span } from "../../supervision/tracing/spans.ts";
import type { SpanExporter } from "../../supervision/tracing/tracing.ts";
import { post } from "../http-client/post.ts";

const ANSWER_MS = 5_000;
/** What the protocol says may be tried again. */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const KINDS = { internal: 1, server: 2 } as const;
const STATUS_ERROR = 2;

export interface OtlpOptions {
  /** Where traces go: the whole address. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly version: string;
  readonly log: Log;
}

export function otlpExporter({ headers, log, url, version }: OtlpOptions): SpanExporter {
  return {
    async send(spans) {
      try {
        const body = JSON.stringify(tracesOf(spans, version));
        const json = { ...headers, "content-type": "application/json" };
        const status = await post(url, body, json, ANSWER_MS);
        if (status >= 200 && status < 300) return "taken";
        if (LATER.has(status)) return "later";
        log.warn("traces.refused", { status });
        return "refused";
      } catch (error) {
        log.info("traces.unreachable", { cause: messageOf(error) });
        return "later";
      }
    },
  };
}

/** An ExportTraceServiceRequest as its JSON is defined: ids in hexadecimal, times and whole numbers as text. */
export function tracesOf(spans: readonly Span[], version: string): object {
  return {
    resourceSpans: [
      {
        resource: {
          attributes: attributesOf({ "service.name": "corral", "service.version": version }),
        },
        scopeSpans: [{ scope: { name: "corral", version }, spans: spans.map(spanOf) }],
      },
    ],
  };
}

function spanOf(span: Span): object {
  const { attributes, error, kind, links, name, parentSpanId, spanId, traceId } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanos(span.startedAt),
    endTimeUnixNano: nanos(span.endedAt),
    attributes: attributesOf(attributes),
    links,
    status: error === null ? {} : { code: STATUS_ERROR, message: error },
  };
}

function nanos(ms: number): string {
  return `${Math.round(ms)}000000`;
}

function attributesOf(attributes: Span["attributes"]): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [{ key, value: valueOf(value) }],
  );
}

function valueOf(value: string | number): object {
  if (typeof value === "string") return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
