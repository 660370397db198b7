/**
 * Messages to agents: taking them, putting them into answers, and telling what became of them.
 *
 * An answer goes out like this: what it holds is written down as put in → the answer is sent → its
 * bytes are with the system: handed over. Whatever dies between them, a message that is not known to
 * be handed over is put into the next answer as well, under the same id. It counts as read when the
 * agent's stream has it and goes on after it; for a program without a stream, when it calls again.
 * What an agent's input carries (`feed.ts`) is in no answer.
 */
import type { AgentRecord } from "../agents/record.ts";
import {
  arriving,
  type Around,
  resumeObstacle,
  type MessageRecord,
  messageView,
  type Relation,
} from "../agents/message.ts";
import type { Inbox, MessagesAnswer, SendAnswer } from "../contract/messages.ts";
import type { AgentMessagesInput, SendMessageInput } from "../contract/tools.ts";
import type { Heard } from "../harness/harness.ts";
import { Fault, messageOf } from "../kernel/fault.ts";
import { type AgentId, type MessageId, mintMessageId } from "../kernel/ids.ts";
import { isCarried, isHeeding, takesInput } from "./feed.ts";
import type { Caller } from "./operations.ts";
import type { Setting } from "./setting.ts";

/** What one answer brings at most, and how many characters of it; what is over waits for the next one. */
const ANSWER_MESSAGES_MOST = 10;
const ANSWER_CHARS_MOST = 24_000;
/** More than an agent can have. */
const ALL = 100_000;

export interface Messages {
  /**
   * Takes a message for an agent; durable when it returns.
   * @param relation  What the sender is to the agent.
   * @throws {Fault} AGENT_ENDED, LIMIT_REACHED.
   */
  send(agent: AgentRecord, input: SendMessageInput, caller: Caller, relation: Relation): SendAnswer;
  /** The messages of an agent: all of them, or those that the caller sent. */
  list(agent: AgentRecord, input: AgentMessagesInput, sender: string | null): MessagesAnswer;
  /** Told of every call of an agent's own, before it is served. */
  called(agent: AgentRecord): void;
  /** What an agent finds in the answer to its own report; null for every other caller, and when there is nothing. */
  inbox(agent: AgentRecord, caller: Caller): Inbox | null;
  /** True while an agent may still come to something that its input has brought it, or brings. */
  isHeeding(agent: AgentRecord): boolean;
}

export function messages(setting: Setting): Messages {
  /** Put into answers of which nobody knows yet whether they were handed over. Lost with the daemon: then put in again. */
  const onTheWay = new Set<MessageId>();
  return {
    send: (agent, input, caller, relation) => send(setting, agent, input, caller, relation),
    list: (agent, input, sender) => list(setting, agent, input, sender),
    called: (agent) => noteCall(setting, agent),
    isHeeding: (agent) => isHeeding(setting, agent),
    inbox(agent, caller) {
      const isItself = caller.kind === "agent" && caller.agentId === agent.id;
      if (!isItself || caller.onAnswered === undefined) return null;
      const open = setting.store
        .openMessages(agent.id)
        .filter((message) => !onTheWay.has(message.id) && !isHandedTo(message, agent.id))
        .filter((message) => !isCarried(setting, agent, message));
      const fitting = fit(open);
      if (fitting.length === 0) return null;
      const ids = fitting.map(({ id }) => id);
      if (!isNoted(setting, agent, ids)) return null;
      for (const id of ids) onTheWay.add(id);
      caller.onAnswered((isHandedOver) => {
        for (const id of ids) onTheWay.delete(id);
        if (isHandedOver) handedOver(setting, agent, ids);
      });
      return { messages: fitting.map(arriving), more: open.length - fitting.length };
    },
  };
}

function send(
  setting: Setting,
  agent: AgentRecord,
  input: SendMessageInput,
  caller: Caller,
  relation: Relation,
): SendAnswer {
  if (agent.endedAt !== null) throw ended(agent);
  const { message: added } = setting.store.addMessage({
    id: mintMessageId(setting.chance.hex),
    taskId: agent.taskId,
    agentId: agent.id,
    sender: caller.kind === "client" ? "orchestrator" : caller.agentId,
    relation,
    text: input.text,
    sentAt: setting.clock.now(),
    idempotencyKey: input.idempotency_key ?? null,
  });
  // Its input may carry it by now.
  const message = setting.store.message(added.id) ?? added;
  return {
    message: messageView(message, onInput(setting, agent, message, aroundOf(setting, agent))),
    warnings: warningsOf(setting, agent, input),
  };
}

function warningsOf(setting: Setting, agent: AgentRecord, { text }: SendMessageInput): string[] {
  const hasTools = setting.harnessOf(agent.harness).program !== null;
  return [
    ...(hasTools
      ? []
      : ["This agent is a program of yours: it gets the message only if it reports to Corral."]),
    ...(setting.secrets.text(text) === text
      ? []
      : ["The text holds a secret: its agent reads [secret] in its place. Give secrets as env."]),
  ];
}

function ended(agent: AgentRecord): Fault {
  return new Fault("AGENT_ENDED", `The agent "${agent.id}" has ended: ${agent.status}.`, {
    hint:
      agent.resumedAs === null
        ? "Call resume_agent with your text as its message."
        : `Call resume_agent, or write to "${agent.resumedAs}", which went on with its conversation.`,
    details: { agent_id: agent.id, status: agent.status, resumed_as: agent.resumedAs },
  });
}

function list(
  setting: Setting,
  agent: AgentRecord,
  { limit }: AgentMessagesInput,
  sender: string | null,
): MessagesAnswer {
  const all = setting.store.messagesTo(agent.id, ALL, ...(sender === null ? [] : [sender]));
  const around = aroundOf(setting, agent);
  const views = all.map((message) =>
    messageView(message, carrierAround(setting, message, agent, around)),
  );
  const counts = { queued: 0, delivered: 0, consumed: 0, undeliverable: 0 };
  for (const { state } of views) counts[state] += 1;
  return { messages: views.slice(-limit), left_out: Math.max(0, views.length - limit), counts };
}

/** What an earlier run left to a later one hangs on that one, unless its conversation never began. */
function carrierAround(
  setting: Setting,
  message: MessageRecord,
  agent: AgentRecord,
  own: Around,
): Around {
  const { agentId, carrier } = message;
  if (carrier === null || carrier === agentId) return onInput(setting, agent, message, own);
  const later = setting.store.agent(carrier);
  const hasBegun = later !== null && (later.endedAt === null || later.cliSession !== null);
  return hasBegun ? aroundOf(setting, later) : own;
}

/** How an agent that lives comes to a message that it was not handed. */
function onInput(
  setting: Setting,
  agent: AgentRecord,
  message: MessageRecord,
  around: Around,
): Around {
  if (agent.endedAt !== null || message.deliveredAt !== null) return around;
  if (isCarried(setting, agent, message)) return { ...around, comesBy: "input" };
  const isAtItsStart = agent.status === "starting" || agent.status === "queued";
  return isAtItsStart && takesInput(setting, agent) ? { ...around, comesBy: "start" } : around;
}

function aroundOf(setting: Setting, agent: AgentRecord): Around {
  if (agent.endedAt === null) return { agent, cannotResume: null };
  const hasResume = setting.harnessOf(agent.harness).resume !== undefined;
  const isTaskOpen = setting.store.task(agent.taskId)?.status === "open";
  return { agent, cannotResume: resumeObstacle(agent, hasResume, isTaskOpen)?.sentence ?? null };
}

function isHandedTo({ carrier, deliveredAt }: MessageRecord, agentId: AgentId): boolean {
  return carrier === agentId && deliveredAt !== null;
}

/**
 * Notes what the stream of an agent shows: what its CLI has taken from its input, and what its model has
 * read of that, of answers and of its prompt. Repeatable: what is noted already stays as it is.
 */
export function noteRead({ clock, store }: Setting, agentId: AgentId, heard: Heard): void {
  const isRead = ({ id, way }: MessageRecord): boolean =>
    heard.read.includes(id) || (way === "resume" && heard.hasSpoken);
  const own = store.openMessages(agentId).filter(({ carrier }) => carrier === agentId);
  const taken = own.filter(
    ({ deliveredAt, id }) => deliveredAt === null && heard.taken.includes(id),
  );
  if (taken.length > 0) store.deliverMessages(idsOf(taken), agentId, clock.now());
  const read = own.filter(isRead);
  if (read.length > 0) store.consumeMessages(idsOf(read), agentId, "stream", clock.now());
}

function idsOf(all: readonly MessageRecord[]): readonly MessageId[] {
  return all.map(({ id }) => id);
}

/**
 * A program of the user's prints nothing that shows what it has read: there the next call is the
 * proof. Calls that it makes at once may cross an answer.
 */
function noteCall(setting: Setting, agent: AgentRecord): void {
  if (setting.harnessOf(agent.harness).program !== null) return;
  const read = setting.store
    .openMessages(agent.id)
    .filter((message) => isHandedTo(message, agent.id))
    .map(({ id }) => id);
  if (read.length === 0) return;
  try {
    setting.store.consumeMessages(read, agent.id, "call", setting.clock.now());
  } catch (error) {
    // The call is not to fail for it: the next one proves it as well.
    setting.log.warn("message.not_told", { agentId: agent.id, cause: messageOf(error) });
  }
}

/** The oldest that one answer holds. One alone always fits. */
function fit(open: readonly MessageRecord[]): readonly MessageRecord[] {
  let chars = 0;
  return open.slice(0, ANSWER_MESSAGES_MOST).filter(({ text }, at) => {
    chars += text.length;
    return at === 0 || chars <= ANSWER_CHARS_MOST;
  });
}

/** Nothing goes out that is not written down; the report itself is, so it does not fail for this. */
function isNoted(setting: Setting, agent: AgentRecord, ids: readonly MessageId[]): boolean {
  try {
    setting.store.offerMessages(ids, agent.id, "answer");
    return true;
  } catch (error) {
    setting.log.warn("message.not_told", { agentId: agent.id, cause: messageOf(error) });
    return false;
  }
}

/** What cannot be written down now is put into the next answer once more. */
function handedOver(setting: Setting, agent: AgentRecord, ids: readonly MessageId[]): void {
  try {
    setting.store.deliverMessages(ids, agent.id, setting.clock.now());
  } catch (error) {
    setting.log.warn("message.not_told", { agentId: agent.id, cause: messageOf(error) });
  }
}
