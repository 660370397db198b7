/** Reading an agent's output into a view of it. */
import { useEffect, useState } from "react";
import { ApiFault } from "../live/fault.ts";
import { signedOut } from "../live/follow.ts";
import { pause } from "../live/paced.ts";
import { useLatest } from "../parts/hooks.ts";
import { type Lines, NO_LINES, type Piece, withPiece } from "./lines.ts";

const RETRY_MS = 1_000;

/**
 * Reads pieces from `begin` for as long as the subject is the same. A failure is told, and reading
 * begins anew a second later: a daemon that restarts must not end the view of an agent that lives.
 */
export function useLines(
  subject: string,
  begin: (signal: AbortSignal) => AsyncGenerator<Piece>,
  joins: boolean,
): Lines {
  const [held, setHeld] = useState({ subject, lines: NO_LINES });
  const latest = useLatest(begin);
  useEffect(() => {
    const stop = new AbortController();
    const change = (step: (before: Lines) => Lines): void =>
      setHeld((before) => ({
        subject,
        lines: step(before.subject === subject ? before.lines : NO_LINES),
      }));
    const read = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        try {
          for await (const piece of latest.current(stop.signal)) {
            if (stop.signal.aborted) return;
            change((before) => withPiece(before, piece, joins));
          }
          return;
        } catch (error) {
          if (stop.signal.aborted || !(error instanceof ApiFault)) return;
          if (error.isSignedOut) return signedOut();
          change((before) => ({ ...before, isLoading: false, fault: error }));
        }
        await pause(RETRY_MS);
      }
    };
    void read();
    return () => stop.abort();
  }, [subject, joins, latest]);
  return held.subject === subject ? held.lines : NO_LINES;
}
