/** Whether a pattern runs in linear time over every text, by the judgement of V8 itself. */
import { setFlagsFromString } from "node:v8";
import { Fault, messageOf } from "../../kernel/fault.ts";

let isEngineOn = false;

/**
 * Refuses patterns that could stall the daemon. Accepted ones never do: should the usual matcher
 * backtrack too much on one, V8 goes over to its linear one.
 *
 * @throws {Fault} CONFIG_INVALID naming the pattern.
 */
export function refuseSlowPatterns(patterns: readonly string[]): void {
  if (patterns.length > 0 && !isEngineOn) {
    setFlagsFromString("--enable-experimental-regexp-engine");
    setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
    isEngineOn = true;
  }
  for (const pattern of patterns) refuseSlow(pattern);
}

function refuseSlow(pattern: string): void {
  try {
    // oxlint-disable-next-line no-new, no-invalid-regexp -- only whether it compiles is of interest; "l" is V8's own flag
    new RegExp(pattern, "l");
  } catch (error) {
    throw new Fault("CONFIG_INVALID", `redact_patterns: "${pattern}": ${messageOf(error)}.`, {
      hint: "Write it without back references, look-ahead and large counts such as {1000}.",
      cause: error,
    });
  }
}
