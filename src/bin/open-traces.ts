import type { Setting } from "../supervision/setting.ts";
import { headersOf, tracesUrl } from "../supervision/tracing/endpoint.ts";
import type { Tracing } from "../supervision/tracing/tracing.ts";

/** Traces, when somebody is to get them; nothing of it is loaded otherwise. */
export async function openTraces(setting: Setting): Promise<Tracing | null> {
  const { configuration, environment, log, version } = setting;
  const url = tracesUrl(configuration().otlp_endpoint, environment);
  if (url === null) return null;
  const [{ otlpExporter }, { tracing }] = await Promise.all([
    import("../adapters/otlp/otlp-exporter.ts"),
    import("../supervision/tracing/tracing.ts"),
  ]);
  log.info("traces.on", { url });
  return tracing(setting, otlpExporter({ url, headers: headersOf(environment), version, log }));
}
