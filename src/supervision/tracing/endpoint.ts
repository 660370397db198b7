/** Where traces go: the setting, else the variables that OpenTelemetry defines. Pure. */

const TRACES_PATH = "/v1/traces";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The whole address; null when there is none, and nothing is traced.
 * @param configured  The setting `otlp_endpoint`; empty: the environment says.
 */
export function tracesUrl(configured: string, env: Environment): string | null {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" && configured === "") return null;
  const exact = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? "";
  if (configured === "" && exact !== "") return httpOnly(exact);
  const base = configured === "" ? (env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "") : configured;
  return base === "" ? null : httpOnly(`${base.replace(/\/+$/, "")}${TRACES_PATH}`);
}

function httpOnly(url: string): string | null {
  return URL.canParse(url) && /^https?:/i.test(url) ? url : null;
}

/** `a=b,c=d`, percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS has them; what is malformed is left out. */
export function headersOf(env: Environment): Readonly<Record<string, string>> {
  const text = env["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] ?? env["OTEL_EXPORTER_OTLP_HEADERS"] ?? "";
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim().toLowerCase();
    if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return [];
    const value = decoded(pair.slice(at + 1).trim());
    return /^[\t\x20-\x7e]*$/.test(value) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
