/**
 * Which messages a model has certainly had before it, as its CLI's stream shows. Pure: a fold over
 * events.
 *
 * A message in the answer of a report: the stream has that answer, and then something more of the
 * model's. A message in the prompt: the model has said anything at all. Calls that a model makes at
 * once in one turn are not told apart from those of two turns.
 */
import { MESSAGE_ID_PATTERN } from "../kernel/ids.ts";
import type { Heard, StreamEvent } from "../harness/harness.ts";

export const NOTHING_HEARD: Heard = { hasSpoken: false, isFailing: false, before: [], read: [] };

/** More than one agent can have; a stream that names more is making them up. */
const IDS_MOST = 500;

/** One more event. The same object when nothing comes of it. */
export function heardAfter(heard: Heard, event: StreamEvent): Heard {
  switch (event.type) {
    case "tool_result":
      return answered(heard, event.text);
    case "text":
      return heard.isFailing ? heard : wentOn(heard);
    case "thinking":
    case "tool_call":
      return wentOn(heard);
    case "result":
      return event.isError ? heard : wentOn(heard);
    case "error":
    case "retry":
    case "rate_limited":
      return heard.isFailing ? heard : { ...heard, isFailing: true };
    case "started":
    case "usage":
    case "permission_needed":
    case "unknown":
    case "plain":
      return heard;
  }
}

function answered(heard: Heard, text: string): Heard {
  const ids = text.match(MESSAGE_ID_PATTERN) ?? [];
  const fresh = [...new Set(ids)].filter((id) => !heard.before.includes(id));
  return fresh.length === 0
    ? heard
    : { ...heard, before: [...heard.before, ...fresh].slice(-IDS_MOST) };
}

function wentOn(heard: Heard): Heard {
  const { before, hasSpoken, isFailing } = heard;
  if (hasSpoken && !isFailing && before.length === 0) return heard;
  const read = [...heard.read, ...before.filter((id) => !heard.read.includes(id))];
  return { hasSpoken: true, isFailing: false, before: [], read: read.slice(-IDS_MOST) };
}
