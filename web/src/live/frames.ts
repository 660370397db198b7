/** Server-Sent Events out of text that arrives in any pieces. Pure. */
import type { CorralEvent } from "../../../src/contract/events.ts";

export interface Frames {
  /** Takes the next piece. @returns the events that are whole now, in order. */
  push(piece: string): readonly CorralEvent[];
}

/** Reads frames as the daemon writes them: one line of JSON per event, and comments as heartbeats. */
export function frames(): Frames {
  let rest = "";
  return {
    push(piece) {
      const parts = (rest + piece).split("\n\n");
      rest = parts.pop() ?? "";
      return parts.flatMap((frame) => {
        const line = frame.split("\n").find((one) => one.startsWith("data: "));
        return line === undefined ? [] : [JSON.parse(line.slice("data: ".length)) as CorralEvent];
      });
    },
  };
}
