/** How a process ended, in words; shared by the harnesses' judgements. */
import type { ExitFacts } from "./harness.ts";

/** Signals that end agents in practice, by number; a shell reports them as 128 + number. */
const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};

/** The signal that ended a process, also when it caught it and left with 128 + number; else null. */
export function endingSignal(exit: ExitFacts): string | null {
  if (exit.signal !== null) return exit.signal;
  return exit.code === null ? null : (SIGNAL_NAMES[exit.code - 128] ?? null);
}

/** `"exited with code 3"`, `"ended by SIGTERM (exit code 143)"`, `"ended by SIGKILL"`. */
export function describeExit(exit: ExitFacts): string {
  const signal = endingSignal(exit);
  if (signal !== null) {
    return `ended by ${signal}${exit.code === null ? "" : ` (exit code ${exit.code})`}`;
  }
  return exit.code === null ? "ended in an unknown way" : `exited with code ${exit.code}`;
}
