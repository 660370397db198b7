/** Settings of samples and alerts. */
import { z } from "zod";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../kernel/units.ts";
import { jsonList, setting } from "./setting-kinds.ts";

export const MONITORING_SETTINGS = {
  history_mb: setting(
    z.coerce.number().int().min(1).max(65_536),
    64,
    "MiB that the history of samples may take in the store; it reaches back seven days at most, and less when these are used up.",
  ),
  alert_silent_ms: setting(
    z.coerce.number().int().min(0).max(DAY_MS),
    20 * MINUTE_MS,
    "Milliseconds without a word and without work after which an agent of a known CLI is alerted of; 0: never.",
  ),
  alert_hook: setting(
    z.preprocess(jsonList, z.array(z.string().max(4_096)).max(64)),
    [],
    "Program and arguments that are run for each alert, with it on standard input; empty: none.",
  ),
  alert_hook_timeout_ms: setting(
    z.coerce
      .number()
      .int()
      .min(100)
      .max(10 * MINUTE_MS),
    10 * SECOND_MS,
    "Milliseconds after which a hook that still runs is ended, with everything that it started.",
  ),
  alert_webhook: setting(
    z.union([z.literal(""), z.url({ protocol: /^https?$/ }).max(2_048)]),
    "",
    "Address that each alert is posted to, signed; empty: none. It is shown like every setting: put no secret in it.",
  ),
  otlp_endpoint: setting(
    z.union([z.literal(""), z.url({ protocol: /^https?$/ }).max(2_048)]),
    "",
    "Address of an OpenTelemetry collector (OTLP over HTTP) that gets traces; empty: OTEL_EXPORTER_OTLP_ENDPOINT, else none.",
  ),
} as const;
