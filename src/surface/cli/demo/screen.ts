/** The demo's progress: a line per event everywhere, and on a terminal a living last line. */
import { harmless, paint } from "../paint.ts";
import type { Tone } from "../paint.ts";
import type { Terminal } from "../ports.ts";

export interface Screen {
  /** A heading. */
  readonly chapter: (title: string) => void;
  /** One thing that happened, with the time since the start. */
  readonly event: (text: string, tone?: Tone | null) => void;
  /** Lines as they are: tables. */
  readonly lines: (lines: readonly string[]) => void;
  /** What goes on now; replaced by the next call, wiped before other output. Nothing off a terminal. */
  readonly now: (text: string) => void;
}

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const WIPE = "\r\u001b[2K";

/**
 * @param json  Progress then goes to stderr, so that stdout holds the one document.
 * @param clock Milliseconds since the Unix epoch.
 */
export function screenOn(terminal: Terminal, json: boolean, clock: () => number): Screen {
  const startedAt = clock();
  const living = terminal.isTty && !json;
  let frame = 0;
  let isDirty = false;
  const print = (text: string) => {
    if (isDirty) void terminal.bytes(WIPE);
    isDirty = false;
    if (json) terminal.note(text);
    else terminal.line(text);
  };
  return {
    chapter: (title) => {
      print("");
      print(paint(title, "strong", terminal.colour && !json));
    },
    event: (text, tone = null) => {
      print(
        `${seconds(clock() - startedAt)}  ${paint(harmless(text), tone, terminal.colour && !json)}`,
      );
    },
    lines: (lines) => {
      for (const line of lines) print(line);
    },
    now: (text) => {
      if (!living) return;
      frame = (frame + 1) % FRAMES.length;
      const cut = text.slice(0, Math.max(10, terminal.columns - 4));
      void terminal.bytes(`${WIPE}${FRAMES[frame]} ${cut}`);
      isDirty = true;
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(5)} s`;
}
