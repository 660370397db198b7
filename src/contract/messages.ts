/**
 * Messages to agents, and going on with an agent that has ended.
 *
 * A message is durable before anybody is told of it, and is handed over at least once: by its CLI's own
 * input where that has one, in the answer of a report that its agent makes, or at the head of the prompt
 * with which the agent is resumed. Its id tells a second copy from a second message.
 */
import { z } from "zod";

/** Longest text of one message. Characters. */
export const MESSAGE_MAX_CHARS = 8_000;
/** Messages of one agent that may wait to be read, and that it may have had in all. */
export const MESSAGES_OPEN_MOST = 50;
export const MESSAGES_MOST = 500;

export const MESSAGE_STATES = ["queued", "delivered", "consumed", "undeliverable"] as const;

/** A message as its sender sees it. */
export const MessageView = z.object({
  message_id: z.string(),
  task_id: z.string(),
  agent_id: z.string().describe("whom it was sent to"),
  from: z.string().describe('"orchestrator" or the id of the agent that sent it'),
  text: z.string(),
  state: z
    .enum(MESSAGE_STATES)
    .describe(
      "queued: waits; delivered: handed over, not known to be read; consumed: its agent went on after it; undeliverable: nothing will deliver it",
    ),
  waits_for: z.string().nullable().describe("what comes next for it; null when nothing does"),
  sent_at: z.string(),
  way: z
    .enum(["answer", "input", "resume"])
    .nullable()
    .describe(
      "how it was last handed over: in the answer of a report, by its CLI's input, or in a resume's prompt",
    ),
  handed_over: z
    .int()
    .describe("answers, inputs and prompts that it was put into; more than one: maybe told twice"),
  delivered_to: z.string().nullable().describe("the agent that got it: on a resume, the new one"),
  delivered_at: z.string().nullable(),
  consumed_at: z.string().nullable(),
  evidence: z
    .enum(["call", "stream"])
    .nullable()
    .describe(
      "stream: its stream has it and what came after; call: a program of yours called again",
    ),
  reason: z.string().nullable().describe("why nothing will deliver it"),
});
export type MessageView = z.infer<typeof MessageView>;

/** A message as an agent finds it in the answer of its report. */
export const ArrivingMessage = z.object({
  message_id: z.string(),
  from: z.string(),
  relation: z
    .enum(["orchestrator", "ancestor", "descendant"])
    .describe("what its sender is to the agent that gets it"),
  text: z.string(),
  sent_at: z.string(),
  repeated: z
    .boolean()
    .describe("true when an earlier answer, input or prompt may have held it already"),
});
export type ArrivingMessage = z.infer<typeof ArrivingMessage>;

export const Inbox = z.object({
  messages: z.array(ArrivingMessage).describe("oldest first"),
  more: z.int().describe("messages that wait for the next answer"),
});
export type Inbox = z.infer<typeof Inbox>;

const messageText = z.string().trim().min(1, "must not be empty").max(MESSAGE_MAX_CHARS);
const onceKey = z
  .string()
  .min(1)
  .max(128)
  // oxlint-disable-next-line no-control-regex -- keeping them out is the point
  .regex(/^[^\u0000-\u001f]*$/, "must not contain control characters")
  .optional();

/** What a page, or whoever knows only the agent, sends. */
export const MessageInput = z.strictObject({
  text: messageText,
  idempotency_key: onceKey.describe("a second call with the same key answers with the first one"),
});
export type MessageInput = z.infer<typeof MessageInput>;

export const SendAnswer = z.object({
  message: MessageView,
  warnings: z.array(z.string()),
});
export type SendAnswer = z.infer<typeof SendAnswer>;

export const MessagesAnswer = z.object({
  messages: z.array(MessageView).describe("the newest, oldest first"),
  left_out: z.int().describe("older ones over the limit"),
  counts: z
    .object({ queued: z.int(), delivered: z.int(), consumed: z.int(), undeliverable: z.int() })
    .describe("of all that the caller may see"),
});
export type MessagesAnswer = z.infer<typeof MessagesAnswer>;

/** What a page may say when it resumes an agent: nothing of its options. */
export const ResumePageInput = z.strictObject({
  message: messageText.optional(),
  idempotency_key: onceKey,
});
export type ResumePageInput = z.infer<typeof ResumePageInput>;
