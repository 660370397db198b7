/** Colour for people. Without colour the text is unchanged, so that output can be compared and piped. */
import type { AgentStatus, Cleanup } from "../../contract/agent.ts";

export type Tone = "good" | "bad" | "busy" | "quiet" | "strong";

const CODES: Record<Tone, readonly [on: number, off: number]> = {
  good: [32, 39],
  bad: [31, 39],
  busy: [33, 39],
  quiet: [2, 22],
  strong: [1, 22],
};

/** Text in a tone, or the text as it is when `colour` is false. */
export function paint(text: string, tone: Tone | null, colour: boolean): string {
  if (!colour || tone === null) return text;
  const [on, off] = CODES[tone];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

const TONES: Record<AgentStatus, Tone> = {
  queued: "quiet",
  starting: "busy",
  running: "busy",
  stopping: "busy",
  completed: "good",
  failed: "bad",
  killed: "bad",
  timed_out: "bad",
  lost: "bad",
};

/** The tone of an agent's status. */
export function toneOfStatus(status: AgentStatus): Tone {
  return TONES[status];
}

/** The tone of a cleanup: what is stuck must be seen, what is clean may rest. */
export function toneOfCleanup(cleanup: Cleanup): Tone | null {
  if (cleanup.state === "stuck") return "bad";
  return cleanup.state === "clean" ? "good" : null;
}

/** Whether to colour: a terminal, and nobody asked not to (https://no-color.org, empty is unset). */
export function wantsColour(
  env: Readonly<Record<string, string | undefined>>,
  isTty: boolean,
): boolean {
  return isTty && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

/**
 * Text that cannot steer a terminal: control characters become visible.
 *
 * What an agent says of itself, and names of processes, are written by strangers.
 */
export function harmless(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- taking them out is the point
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) =>
      character === "\n" || character === "\t"
        ? " "
        : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
