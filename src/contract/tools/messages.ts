/** Sending an agent a message, looking what became of it, and resuming an agent that has ended. */
import { z } from "zod";
import { MessageInput, MessagesAnswer, SendAnswer } from "../messages.ts";
import { DeployAnswer, PROMPT_MAX_CHARS, resumeOptions } from "./deploying.ts";
import { agentId, limit, taskId } from "./fields.ts";

export const SendMessageInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId.describe("whom: a running agent; for an agent, one below it or its parent"),
  ...MessageInput.shape,
});
export type SendMessageInput = z.infer<typeof SendMessageInput>;

export const AgentMessagesInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId.describe("whose messages"),
  limit: limit(500, 50),
});
export type AgentMessagesInput = z.infer<typeof AgentMessagesInput>;

/** Said to an agent that is resumed with no words of its own. */
export const GO_ON = "Go on with your mission where you left off.";

export const ResumeInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId.describe("the agent that has ended"),
  message: z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(PROMPT_MAX_CHARS)
    .default(GO_ON)
    .describe("what it is to do now; it remembers its conversation"),
  ...resumeOptions,
});
export type ResumeInput = z.infer<typeof ResumeInput>;

export const ResumeAnswer = DeployAnswer.extend({
  resumed_from: z.string().describe("the agent whose conversation goes on"),
  messages: z
    .array(z.string())
    .describe("ids of the messages that stand at the head of its prompt"),
});
export type ResumeAnswer = z.infer<typeof ResumeAnswer>;

export { MessagesAnswer, SendAnswer };
