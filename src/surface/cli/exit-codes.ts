/** How a verb ends, as the shell sees it. One table; scripts rely on it. */
import type { ExitClass } from "../../kernel/fault.ts";

/** What each exit code means; `corral --help` prints it. */
export const EXIT = {
  ok: 0,
  /** An agent that was waited for did not complete. */
  notCompleted: 1,
  usage: 2,
  notFound: 3,
  busy: 4,
  refused: 5,
  unavailable: 6,
  bug: 70,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CLASS = {
  usage: EXIT.usage,
  "not-found": EXIT.notFound,
  busy: EXIT.busy,
  refused: EXIT.refused,
  unavailable: EXIT.unavailable,
  bug: EXIT.bug,
} as const satisfies Record<ExitClass, ExitCode>;

/** The exit code of a failure's class. */
export function exitCodeOf(exit: ExitClass): ExitCode {
  return BY_CLASS[exit];
}
