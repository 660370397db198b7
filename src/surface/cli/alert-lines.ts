/** Alerts that stand, for a terminal. Pure. */
import type { AlertView } from "../../contract/alerts.ts";
import { humanDuration } from "../../kernel/units.ts";
import { harmless, paint } from "./paint.ts";

/** Two lines for each: what is so, and what to do. @param now  Milliseconds since the epoch. */
export function alertLines(
  standing: readonly AlertView[],
  now: number,
  colour: boolean,
): readonly string[] {
  return standing.flatMap(({ evidence, next_step, severity, since, subject }) => {
    const of = subject.kind === "daemon" ? "" : ` ${harmless(subject.id)}`;
    const age = humanDuration(Math.max(0, now - Date.parse(since)));
    return [
      `${paint(severity, severity === "critical" ? "bad" : "busy", colour)}${of} for ${age}: ${harmless(evidence)}`,
      `  ${harmless(next_step)}`,
    ];
  });
}
