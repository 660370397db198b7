/**
 * The whole terminal for one program: keys as they are pressed, a screen of its own, and everything as
 * it was on every way out.
 *
 * The ways out: closing, SIGINT, SIGTERM, SIGHUP, the terminal gone, an exception that nobody caught, and
 * `process.exit` from wherever. Only SIGKILL leaves a terminal as it is; `reset` helps then.
 */
import { emitKeypressEvents } from "node:readline";
import { writeSync } from "node:fs";
import { constants } from "node:os";
import type { ReadStream, WriteStream } from "node:tty";

/** One key, or what was pasted as one. */
export interface KeyPress {
  readonly name: string;
  readonly text: string;
  readonly ctrl: boolean;
}

export interface ScreenListeners {
  onKey(key: KeyPress): void;
  /** The size is another one, or the screen has to be drawn anew after a suspension. */
  onResize(): void;
  /** The program is to end with this exit code. Called once, the terminal is as it was by then. */
  onEnd(exit: number): void;
}

export interface TerminalScreen {
  /** Columns and rows; 80 by 24 where the terminal does not know. */
  size(): { readonly columns: number; readonly rows: number };
  /** Takes the terminal. Call once. */
  open(listeners: ScreenListeners): void;
  /** Text and sequences as they are; nothing before `open` or after `close`. */
  write(text: string): void;
  /** Gives the terminal back to the shell until the program is continued. */
  suspend(): void;
  /** Gives the terminal back. May be called at any time and any number of times. */
  close(): void;
}

/** A screen of its own, no cursor, no line that runs on, pastes marked as such. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[?2004h\u001b[2J";
const LEAVE = "\u001b[0m\u001b[?2004l\u001b[?7h\u001b[?25h\u001b[?1049l";
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const HANG_UP_EXIT = 128 + constants.signals.SIGHUP;
/** How long an Escape waits for the rest of a sequence. Milliseconds. */
const ESCAPE_MS = 50;

/** @returns null where there is no terminal on both sides, or one that cannot place a cursor. */
export function terminalScreen(
  input: ReadStream,
  output: WriteStream & { readonly fd: number },
  term: string | undefined,
): TerminalScreen | null {
  if (!input.isTTY || !output.isTTY || term === undefined || term === "" || term === "dumb") {
    return null;
  }
  let listeners: ScreenListeners | null = null;
  let isTaken = false;
  let paste: string | null = null;

  const take = (): void => {
    isTaken = true;
    input.setRawMode(true);
    input.resume();
    output.write(ENTER);
  };
  /** Written at once: an exit does not wait for a stream. */
  const giveBack = (): void => {
    if (!isTaken) return;
    isTaken = false;
    try {
      input.setRawMode(false);
      writeSync(output.fd, LEAVE);
    } catch {
      // The terminal is gone, and with it what there was to restore.
    }
  };
  const end = (exit: number): void => {
    const told = listeners;
    close();
    told?.onEnd(exit);
  };
  const onSignal = (name: NodeJS.Signals): void => end(128 + constants.signals[name]);
  const onGone = (): void => end(HANG_UP_EXIT);
  const onResize = (): void => listeners?.onResize();
  const onContinue = (): void => {
    if (listeners === null) return;
    take();
    listeners.onResize();
  };
  const onPress = (text: string | undefined, key: RawKey): void => {
    if (key.name === "paste-start") paste = "";
    else if (key.name === "paste-end") {
      if (paste !== null) listeners?.onKey({ name: "", text: paste, ctrl: false });
      paste = null;
    } else if (paste !== null) paste += text ?? "";
    else listeners?.onKey(keyOf(text, key));
  };

  function close(): void {
    giveBack();
    if (listeners === null) return;
    listeners = null;
    for (const name of ENDING) process.off(name, onSignal);
    process.off("SIGCONT", onContinue);
    process.off("exit", giveBack);
    process.off("uncaughtExceptionMonitor", giveBack);
    input.off("keypress", onPress).off("end", onGone).off("error", onGone);
    output.off("resize", onResize);
    input.pause();
  }

  return {
    size: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    open(given) {
      listeners = given;
      for (const name of ENDING) process.on(name, onSignal);
      process.on("SIGCONT", onContinue);
      process.on("exit", giveBack);
      process.on("uncaughtExceptionMonitor", giveBack);
      // Only the time is read of what is otherwise an interface.
      emitKeypressEvents(input, { escapeCodeTimeout: ESCAPE_MS } as never);
      input.on("keypress", onPress).on("end", onGone).on("error", onGone);
      output.on("resize", onResize);
      take();
    },
    write(text) {
      if (isTaken) output.write(text);
    },
    suspend() {
      giveBack();
      process.kill(process.pid, "SIGTSTP");
    },
    close,
  };
}

interface RawKey {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

function keyOf(
  text: string | undefined,
  { name = "", ctrl = false, meta = false }: RawKey,
): KeyPress {
  // oxlint-disable-next-line no-control-regex -- a key that types nothing sends these
  const isTyped = text !== undefined && !ctrl && !meta && !/[\u0000-\u001f\u007f]/.test(text);
  return { name, text: isTyped ? text : "", ctrl };
}
