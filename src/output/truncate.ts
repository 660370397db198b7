/**
 * Cutting long lines so that they still say what they are.
 *
 * A cut is visible where it was made (`…[truncated 12 345 bytes]`), and a line that was JSON
 * stays JSON: its longest texts are shortened first, then everything, and at last only what
 * kind of line it was is left.
 */

export interface LineLimits {
  /** A longer line is cut to at most this. UTF-8 bytes. */
  readonly lineBytes: number;
  /** What is kept of a tool's result in such a line. UTF-8 bytes. */
  readonly resultBytes: number;
  /** What is kept of any other text in such a line. UTF-8 bytes. */
  readonly textBytes: number;
}

export const LINE_LIMITS: LineLimits = { lineBytes: 8_192, resultBytes: 2_048, textBytes: 4_096 };
export const AGGRESSIVE_LIMITS: LineLimits = { lineBytes: 1_024, resultBytes: 512, textBytes: 512 };

export interface Cut {
  readonly text: string;
  readonly isCut: boolean;
}

/** Each pass is harder than the one before; the first that fits is taken. */
const PASSES: readonly { readonly share: number; readonly items: number }[] = [
  { share: 1, items: 1_000 },
  { share: 1 / 2, items: 100 },
  { share: 1 / 4, items: 40 },
  { share: 1 / 8, items: 20 },
  { share: 1 / 16, items: 10 },
  { share: 1 / 32, items: 6 },
];
const TEXT_MIN_BYTES = 40;
/** Deeper JSON is not walked: it is replaced by a mark. */
const DEPTH_MAX = 40;

/**
 * Shortens a line that is longer than the limits allow; any other stays as it is.
 *
 * @param hiddenBytes  Bytes of the line that `line` does not hold any more; they are told of.
 * @returns            At most `lineBytes` long where lineBytes >= 80; valid JSON if `line` was.
 */
export function truncateLine(line: string, limits: LineLimits, hiddenBytes = 0): Cut {
  const bytes = Buffer.byteLength(line);
  if (hiddenBytes === 0 && bytes <= limits.lineBytes) return { text: line, isCut: false };
  const value = hiddenBytes === 0 ? parsed(line) : undefined;
  if (value === undefined)
    return { text: cutText(line, limits.lineBytes, hiddenBytes), isCut: true };
  for (const { share, items } of PASSES) {
    const text = JSON.stringify(shrink(value, shareOf(limits, share), items, false, 0));
    if (Buffer.byteLength(text) <= limits.lineBytes) return { text, isCut: true };
  }
  return { text: bare(value, bytes, limits.lineBytes), isCut: true };
}

/**
 * A text of at most `maxBytes` UTF-8 bytes, its mark included; unchanged when it fits.
 *
 * @param alreadyMissing  Bytes that were lost before; counted in the mark.
 */
export function cutText(text: string, maxBytes: number, alreadyMissing = 0): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes && alreadyMissing === 0) return text;
  // The mark's length depends on its number, and that on the mark: reserve for the largest.
  const room = Math.max(0, maxBytes - Buffer.byteLength(mark(bytes + alreadyMissing)));
  const kept = beginning(text, room);
  return `${kept}${mark(bytes + alreadyMissing - Buffer.byteLength(kept))}`;
}

/** `…[truncated 12 345 bytes]` */
function mark(bytes: number): string {
  return `…[truncated ${grouped(bytes)} bytes]`;
}

/** `12 345` */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

/** As many whole characters as fit; never half of a surrogate pair. */
function beginning(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

function parsed(line: string): object | undefined {
  if (!/^\s*[[{]/.test(line)) return undefined;
  try {
    return JSON.parse(line) as object;
  } catch {
    return undefined;
  }
}

function shareOf(limits: LineLimits, share: number): LineLimits {
  const part = (bytes: number) => Math.max(TEXT_MIN_BYTES, Math.floor(bytes * share));
  return { ...limits, resultBytes: part(limits.resultBytes), textBytes: part(limits.textBytes) };
}

function shrink(
  value: unknown,
  limits: LineLimits,
  items: number,
  isResult: boolean,
  depth: number,
): unknown {
  if (typeof value === "string") {
    return cutText(value, isResult ? limits.resultBytes : limits.textBytes);
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH_MAX) return "…[truncated: nested too deeply]";
  const inner = (part: unknown, within: boolean) => shrink(part, limits, items, within, depth + 1);
  if (Array.isArray(value)) {
    const kept = value.slice(0, items).map((part) => inner(part, isResult));
    const left = value.length - kept.length;
    return left === 0 ? kept : [...kept, `…[truncated ${grouped(left)} items]`];
  }
  const isOne = isResult || (value as { type?: unknown }).type === "tool_result";
  const entries = Object.entries(value);
  const kept = entries.slice(0, items).map(([key, part]) => [
    cutText(key, limits.textBytes),
    // Claude Code repeats a tool's result in a field of its own.
    inner(part, isOne || key === "tool_use_result"),
  ]);
  const left = entries.length - kept.length;
  if (left > 0) kept.push(["…", `[truncated ${grouped(left)} fields]`]);
  return Object.fromEntries(kept);
}

/** Only what kind of line it was. */
function bare(value: object, bytes: number, maxBytes: number): string {
  const truncated = mark(bytes);
  const { type, subtype } = value as { type?: unknown; subtype?: unknown };
  const named = JSON.stringify({ type, subtype, truncated });
  const isShort = [type, subtype].every((name) => name === undefined || typeof name === "string");
  if (isShort && Buffer.byteLength(named) <= maxBytes) return named;
  return JSON.stringify({ truncated });
}
