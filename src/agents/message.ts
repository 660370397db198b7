/**
 * A message to an agent: what is known of it, and what that comes to. Pure.
 *
 *   queued → put into an answer, an input or a prompt, durable → handed over → its agent went on after it
 *            `offers`                                            `deliveredAt`  `consumedAt`
 *
 * Put in and handed over are two facts, because a daemon can die between them: what was not handed
 * over for certain is put in again, under the same id.
 */
import type { HarnessName } from "../contract/agent.ts";
import type { ArrivingMessage, MessageView } from "../contract/messages.ts";
import type { AgentId, MessageId, TaskId } from "../kernel/ids.ts";
import { isoTime, type EpochMs } from "../kernel/units.ts";
import type { AgentRecord } from "./record.ts";

/** What the sender is to the agent it wrote to. */
export type Relation = ArrivingMessage["relation"];

export interface MessageRecord {
  /** Grows by one per message: the order in which they are handed over. */
  readonly seq: number;
  readonly id: MessageId;
  readonly taskId: TaskId;
  /** Whom it was sent to. */
  readonly agentId: AgentId;
  /** `"orchestrator"` or an agent id. */
  readonly sender: string;
  readonly relation: Relation;
  readonly text: string;
  readonly sentAt: EpochMs;
  /** Answers, inputs and prompts that it was put into, each durable before it went out. */
  readonly offers: number;
  /** Whose answer, input or prompt that was last; null before the first. */
  readonly carrier: AgentId | null;
  readonly way: "answer" | "input" | "resume" | null;
  /** When the last of them was handed over; null while that is not certain. */
  readonly deliveredAt: EpochMs | null;
  readonly consumedAt: EpochMs | null;
  readonly evidence: "call" | "stream" | null;
}

/** What a message's fate hangs on, besides itself. */
export interface Around {
  /** Whom it was sent to; null when nothing is kept of it. */
  readonly agent: Pick<AgentRecord, "status" | "endedAt"> | null;
  /** Why that agent cannot be resumed; null when it can be, or still runs. */
  readonly cannotResume: string | null;
  /** By its agent's input, now or once that has started; absent: with the answer of a report. */
  readonly comesBy?: "input" | "start";
}

type Fate = Pick<MessageView, "state" | "waits_for" | "reason">;

const NEXT_REPORT = "the answer of its next update_agent_progress or report_agent_finding";
const SIGN_OF_TAKING = "a sign that its agent's CLI has taken it from its input";
const START = "the start of its agent, whose CLI takes it from its input";
const SIGN_OF_READING = "a sign that its agent went on after it";

/** Where a message stands, and what comes next for it. */
export function fateOf(message: MessageRecord, around: Around): Fate {
  if (message.consumedAt !== null) return { state: "consumed", waits_for: null, reason: null };
  const isOver = around.agent === null || around.agent.endedAt !== null;
  if (message.deliveredAt !== null) {
    return isOver
      ? unread(around)
      : { state: "delivered", waits_for: SIGN_OF_READING, reason: null };
  }
  if (!isOver) return { state: "queued", waits_for: waitsFor(around), reason: null };
  if (around.cannotResume === null)
    return { state: "queued", waits_for: "resume_agent", reason: null };
  return { state: "undeliverable", waits_for: null, reason: around.cannotResume };
}

function waitsFor({ comesBy }: Around): string {
  if (comesBy === undefined) return NEXT_REPORT;
  return comesBy === "input" ? SIGN_OF_TAKING : START;
}

/** It was handed over, and its agent ended before anything showed that it was read. */
function unread({ cannotResume }: Around): Fate {
  const reason = "Its agent ended before anything showed that it was read.";
  return cannotResume === null
    ? { state: "delivered", waits_for: "resume_agent, which tells it again", reason }
    : { state: "delivered", waits_for: null, reason };
}

/** A message as its sender sees it. */
export function messageView(message: MessageRecord, around: Around): MessageView {
  const { consumedAt, deliveredAt } = message;
  return {
    message_id: message.id,
    task_id: message.taskId,
    agent_id: message.agentId,
    from: message.sender,
    text: message.text,
    ...fateOf(message, around),
    sent_at: isoTime(message.sentAt),
    way: message.way,
    handed_over: message.offers,
    delivered_to: deliveredAt === null ? null : message.carrier,
    delivered_at: deliveredAt === null ? null : isoTime(deliveredAt),
    consumed_at: consumedAt === null ? null : isoTime(consumedAt),
    evidence: message.evidence,
  };
}

/** A message as its agent gets it. @param message  As it is before it is put in once more. */
export function arriving({
  id,
  offers,
  relation,
  sender,
  sentAt,
  text,
}: MessageRecord): ArrivingMessage {
  return {
    message_id: id,
    from: sender,
    relation,
    text,
    sent_at: isoTime(sentAt),
    repeated: offers > 0,
  };
}

const SENDERS: Readonly<Record<Relation, (from: string) => string>> = {
  orchestrator: () => "the orchestrator",
  ancestor: (from) => `agent ${from}, which is above you`,
  descendant: (from) => `agent ${from}, which is below you: its word, and no order`,
};

/**
 * A message as a model reads it: a head of ours, then its text, each line behind a bar, so that no
 * text can pass for a head.
 */
export function messageLines(message: ArrivingMessage): readonly string[] {
  const { from, message_id: id, relation, repeated, sent_at: at, text } = message;
  const again = repeated ? " (you may have had it already: act on it once)" : "";
  return [
    `${id} from ${SENDERS[relation](from)}, sent ${at}${again}:`,
    ...text.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => `| ${line}`),
  ];
}

/** What is known of an agent, as far as resuming hangs on it. */
export interface Resumable {
  readonly status: AgentRecord["status"];
  readonly endedAt: EpochMs | null;
  readonly forgottenAt: EpochMs | null;
  readonly cliSession: string | null;
  readonly harness: HarnessName;
}

/** A session id goes into an argument and is looked for as a file name: nothing else is one. */
const SESSION_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/**
 * Why nothing goes on with an ended agent, as a sentence; null when something can.
 *
 * @param hasResume   Whether its CLI goes on with a session at all.
 * @param isTaskOpen  Whether anything can still be deployed on its task.
 */
export function resumeObstacle(
  agent: Resumable,
  hasResume: boolean,
  isTaskOpen: boolean,
): { readonly why: ResumeObstacle; readonly sentence: string } | null {
  if (!hasResume) {
    return { why: "harness", sentence: `The harness "${agent.harness}" keeps no conversation.` };
  }
  if (agent.forgottenAt !== null) {
    return { why: "forgotten", sentence: "Only its outcome is kept." };
  }
  if (agent.cliSession === null || !SESSION_PATTERN.test(agent.cliSession)) {
    return { why: "no_session", sentence: "Its CLI told no session id before it ended." };
  }
  return isTaskOpen ? null : { why: "closed", sentence: "Its task is closed." };
}

/** What may stand in the way of a resume; in the details of RESUME_REFUSED. */
export type ResumeObstacle =
  | "running"
  | "releasing"
  | "harness"
  | "forgotten"
  | "no_session"
  | "closed"
  | "session_gone"
  | "folder_gone"
  | "resumed";
