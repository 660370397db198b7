/** Messages in the store. Every method is durable on return, and tells its events after that. */
import type { MessageRecord } from "../agents/message.ts";
import type { AgentId, MessageId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";

export type NewMessage = Pick<
  MessageRecord,
  "id" | "taskId" | "agentId" | "sender" | "relation" | "text" | "sentAt"
> & {
  readonly idempotencyKey: string | null;
};

export interface MessageStore {
  /**
   * Keeps a message, queued.
   *
   * @returns the new record, or the earlier one of the same sender with the same key.
   * @throws {Fault} LIMIT_REACHED when too many of the agent wait, or it has had too many; nothing is kept.
   */
  addMessage(message: NewMessage): { readonly message: MessageRecord; readonly isNew: boolean };
  message(id: MessageId): MessageRecord | null;
  /** The newest of those sent to an agent, oldest first; of one sender, or of all. */
  messagesTo(agentId: AgentId, max: number, sender?: string): readonly MessageRecord[];
  /**
   * What an agent has not read for certain, oldest first: what was sent to it, and what an earlier run
   * of it left to it.
   */
  openMessages(agentId: AgentId): readonly MessageRecord[];
  /** Writes down that messages are put into an answer, an input or a prompt, before they can go out. */
  offerMessages(
    ids: readonly MessageId[],
    carrier: AgentId,
    way: NonNullable<MessageRecord["way"]>,
  ): void;
  /** Writes down that they were handed over. Those that another answer or prompt holds by now are left as they are. */
  deliverMessages(ids: readonly MessageId[], carrier: AgentId, at: EpochMs): void;
  /** Writes down that an agent went on after them; only the first evidence stays. Unknown ids are left out. */
  consumeMessages(
    ids: readonly MessageId[],
    carrier: AgentId,
    evidence: "call" | "stream",
    at: EpochMs,
  ): void;
}
