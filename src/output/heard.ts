/**
 * Which messages a model has certainly had before it, as its CLI's stream shows. Pure: a fold over
 * events.
 *
 * A message in the answer of a report: the stream has that answer, and then something more of the
 * model's. A message in the prompt: the model has said anything at all. A message by the
 * input: the CLI says when it has it, and when its model is told. Calls that a model makes at
 * once in one turn are not told apart from those of two turns.
 */
import { MESSAGE_ID_PATTERN, type MessageId } from "../kernel/ids.ts";
import type { Heard, StreamEvent } from "../harness/harness.ts";

export const NOTHING_HEARD: Heard = {
  hasSpoken: false,
  isFailing: false,
  taken: [],
  before: [],
  read: [],
};

/** More than one agent can have; a stream that names more is making them up. */
const IDS_MOST = 500;

/** One more event. The same object when nothing comes of it. */
export function heardAfter(heard: Heard, event: StreamEvent): Heard {
  switch (event.type) {
    case "tool_result":
      return told(heard, event.text.match(MESSAGE_ID_PATTERN) ?? []);
    case "input":
      return event.id === null ? heard : came(heard, event.id, event.isTold);
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

function came(heard: Heard, id: MessageId, isTold: boolean): Heard {
  const taken = heard.taken.includes(id)
    ? heard
    : { ...heard, taken: [...heard.taken, id].slice(-IDS_MOST) };
  // What the model has gone on after is told again by nobody.
  return isTold && !heard.read.includes(id) ? told(taken, [id]) : taken;
}

function told(heard: Heard, ids: readonly MessageId[]): Heard {
  const fresh = [...new Set(ids)].filter((id) => !heard.before.includes(id));
  return fresh.length === 0
    ? heard
    : { ...heard, before: [...heard.before, ...fresh].slice(-IDS_MOST) };
}

function wentOn(heard: Heard): Heard {
  const { before, hasSpoken, isFailing } = heard;
  if (hasSpoken && !isFailing && before.length === 0) return heard;
  const read = [...heard.read, ...before.filter((id) => !heard.read.includes(id))];
  return { ...heard, hasSpoken: true, isFailing: false, before: [], read: read.slice(-IDS_MOST) };
}
