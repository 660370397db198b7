import { type RefObject, useEffect, useRef, useState } from "react";
import { ApiFault } from "../live/fault.ts";
import { signedOut } from "../live/follow.ts";
import { paced } from "../live/paced.ts";

/** The time, anew every so often. Milliseconds since the Unix epoch. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export interface Asked<T> {
  /** The last answer; null before the first. */
  readonly answer: T | null;
  /** Why the last question failed; null when it did not. */
  readonly fault: ApiFault | null;
  /** Asks again, soon. */
  readonly again: () => void;
}

/** Between two answers to the same question, while its reason keeps changing. */
const REST_MS = 400;

interface Held<T> extends Pick<Asked<T>, "answer" | "fault"> {
  /** What this is an answer about; about anything else it says nothing. */
  readonly subject: string | null;
}

/**
 * Asks a question, and again whenever `reason` is another one, at most a few times a second. An
 * answer stays until the next is here, also over a failure: old words are better than none.
 *
 * @param subject  What it is about: another subject begins anew, with no answer.
 */
export function useAsked<T>(
  subject: string,
  ask: (signal: AbortSignal) => Promise<T>,
  reason: unknown = null,
): Asked<T> {
  const [held, setHeld] = useState<Held<T>>({ subject: null, answer: null, fault: null });
  const again = useRef(() => {});
  const latest = useLatest(ask);
  useEffect(() => {
    const stop = new AbortController();
    again.current = paced(
      REST_MS,
      async () => {
        if (stop.signal.aborted) return;
        const answer = await latest.current(stop.signal);
        if (!stop.signal.aborted) setHeld({ subject, answer, fault: null });
      },
      (error) => {
        if (stop.signal.aborted || !(error instanceof ApiFault)) return false;
        if (error.isSignedOut) signedOut();
        setHeld((before) => ({ ...about(before, subject), fault: error }));
        return false;
      },
    );
    return () => stop.abort();
  }, [subject, latest]);
  useEffect(() => again.current(), [subject, reason]);
  const { answer, fault } = about(held, subject);
  return { answer, fault, again: () => again.current() };
}

function about<T>(held: Held<T>, subject: string): Held<T> {
  return held.subject === subject ? held : { subject, answer: null, fault: null };
}

/** The function of the last rendering, for effects that must not begin anew because it is another one. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}
