/** What an event says, in words. Pure. */
import type { CorralEvent, EventKind } from "../../../src/contract/events.ts";
import { type Facts, listIn, textIn } from "./facts.ts";

export type Tone = "plain" | "good" | "busy" | "bad";

export interface Said {
  readonly text: string;
  readonly tone: Tone;
}

/** The parts that are there, in a row; the last word where none is. */
function told(parts: readonly string[], between: string, otherwise: string): string {
  return parts.filter((part) => part.trim() !== "").join(between) || otherwise;
}

/** The reason is often the status again. */
function endOf(status: string, reason: string): string {
  return `${told(reason === status ? [status] : [status, reason], ": ", "ended")}.`;
}

function findingOf(facts: Facts): string {
  const what = told([textIn(facts, "severity"), textIn(facts, "finding_type")], " ", "finding");
  return told([what, textIn(facts, "message")], ": ", "");
}

function progressOf(facts: Facts): string {
  const share = textIn(facts, "progress");
  const parts = [share === "" ? "" : `${share} %`, textIn(facts, "message")];
  return told(parts, " · ", "reported.");
}

function alertOf(facts: Facts): string {
  const what = textIn(facts, "message") || textIn(facts, "alert").replaceAll("_", " ");
  return told(
    [what.replace(/\.$/, ""), textIn(facts, "next_step")],
    ". ",
    "Something needs a look.",
  );
}

function troubleOf(facts: Facts): Said {
  const trouble = textIn(facts, "trouble").replaceAll("_", " ");
  if (trouble === "") return { text: "reaches its model again.", tone: "good" };
  const until = textIn(facts, "until");
  const what = told([trouble, until === "" ? "" : `until ${until}`], " ", "");
  return { text: told([`has trouble: ${what}`, textIn(facts, "message")], " · ", ""), tone: "bad" };
}

const GRAVE = new Set(["high", "critical"]);

const SAYINGS: Readonly<Record<EventKind, (facts: Facts) => Said>> = {
  "daemon.started": () => ({ text: "The daemon has started.", tone: "good" }),
  "daemon.stopping": () => ({ text: "The daemon is leaving.", tone: "busy" }),
  "task.created": (facts) => ({
    text: `${told(["A new task", textIn(facts, "priority")], ", ", "")}.`,
    tone: "plain",
  }),
  "task.closed": (facts) => ({
    text: told(
      ["The task was closed", textIn(facts, "reason") || textIn(facts, "outcome")],
      ": ",
      "",
    ),
    tone: "plain",
  }),
  "message.queued": (facts) => ({
    text: `has a message from ${textIn(facts, "from") || "somebody"}.`,
    tone: "plain",
  }),
  "message.delivered": (facts) => ({
    text:
      textIn(facts, "way") === "resume" ? "was resumed with a message." : "was handed a message.",
    tone: "plain",
  }),
  "message.consumed": () => ({ text: "has read a message.", tone: "good" }),
  "archive.made": () => ({ text: "is archived.", tone: "plain" }),
  "archive.deleted": () => ({ text: "is no longer kept: its archive was deleted.", tone: "plain" }),
  "agent.queued": (facts) => ({
    text: `waits for the quota of its account, until ${textIn(facts, "until")} at most.`,
    tone: "busy",
  }),
  "agent.starting": () => ({ text: "is starting.", tone: "plain" }),
  "agent.running": () => ({ text: "is running.", tone: "good" }),
  "agent.activity": (facts) => ({
    text: `is ${textIn(facts, "activity").replaceAll("_", " ") || "of unknown activity"}.`,
    tone: textIn(facts, "activity") === "waiting_permission" ? "bad" : "plain",
  }),
  "agent.trouble": (facts) => troubleOf(facts),
  "agent.progress": (facts) => ({
    text: progressOf(facts),
    tone: textIn(facts, "status") === "blocked" ? "bad" : "plain",
  }),
  "agent.finding": (facts) => ({
    text: findingOf(facts),
    tone: GRAVE.has(textIn(facts, "severity")) ? "bad" : "plain",
  }),
  "agent.stopping": (facts) => ({
    text: told(["is being stopped", textIn(facts, "reason") || textIn(facts, "cause")], ": ", ""),
    tone: "busy",
  }),
  "agent.settled": (facts) => ({
    text: endOf(textIn(facts, "status").replaceAll("_", " "), textIn(facts, "reason")),
    tone: textIn(facts, "status") === "completed" ? "good" : "bad",
  }),
  "agent.clean": () => ({ text: "has given everything back.", tone: "good" }),
  "agent.stuck": (facts) => ({
    text: told(["is stuck", listIn(facts, "errors")], ": ", ""),
    tone: "bad",
  }),
  "stray.released": (facts) => ({
    text: told(
      ["A stray was released", `${textIn(facts, "kind")} ${textIn(facts, "locator")}`],
      ": ",
      "",
    ),
    tone: "busy",
  }),
  alert: (facts) =>
    textIn(facts, "state") === "cleared"
      ? { text: `No longer so: ${alertOf(facts)}`, tone: "good" }
      : { text: alertOf(facts), tone: "bad" },
};

/** A kind that a newer daemon has and this page does not know is told by its name. */
export function said({ kind, facts }: CorralEvent): Said {
  const say = SAYINGS[kind] as ((facts: Facts) => Said) | undefined;
  return say?.(facts) ?? { text: kind, tone: "plain" };
}
