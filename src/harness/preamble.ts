/**
 * What every agent is told before its mission: who it is, what the task is, how to report.
 *
 * Short on purpose: without the task's own text it stays under 1 500 bytes, and the mission
 * comes last, where models weigh it most.
 */

import { messageLines } from "../agents/message.ts";
import type { ArrivingMessage } from "../contract/messages.ts";

export interface HistoryTurn {
  readonly role: string;
  readonly content: string;
  readonly timestamp?: string | undefined;
}

export interface PreambleTask {
  readonly taskId: string;
  readonly description: string;
  readonly backgroundContext: string | null;
  readonly expectedDeliverables: readonly string[];
  readonly successCriteria: readonly string[];
  readonly constraints: readonly string[];
  readonly relevantFiles: readonly string[];
  /** Oldest first. */
  readonly conversationHistory: readonly HistoryTurn[];
}

export interface PreambleAgent {
  readonly agentId: string;
  readonly agentType: string;
  /** "orchestrator" or an agent id. */
  readonly parent: string;
  /** 1 for an agent that the orchestrator deployed. */
  readonly depth: number;
  /** Most generations of agents that the task allows. */
  readonly maxDepth: number;
  /** Seconds after which it is stopped; null when nothing stops it. */
  readonly wallClockS: number | null;
}

export interface AgentPromptInput {
  readonly task: PreambleTask;
  readonly agent: PreambleAgent;
  /** The mission, as the caller wrote it. */
  readonly prompt: string;
  /** False for an agent that cannot call MCP tools: it is then not told to. Absent means true. */
  readonly hasTools?: boolean;
  /** What stands before the names of Corral's tools in its CLI. Absent means nothing. */
  readonly toolPrefix?: string;
  /** The caller's own words instead of everything before the mission; "" for none. */
  readonly preamble?: string;
}

/** Characters kept of one turn of the conversation, by who spoke. */
const HISTORY_USER_CHARS = 2_000;
const HISTORY_OTHER_CHARS = 500;
/** Characters kept of the conversation in all; the newest turns win. */
const HISTORY_TOTAL_CHARS = 12_000;

/**
 * The whole prompt of an agent: preamble, the task's context, then the mission unchanged.
 *
 * @returns Markdown. The caller's prompt is in it byte for byte.
 */
export function agentPrompt(input: AgentPromptInput): string {
  const { task, agent, prompt, hasTools = true, toolPrefix = "", preamble } = input;
  const before =
    preamble === undefined
      ? [
          identity(task, agent),
          ...context(task),
          hasTools ? reporting(task, agent, toolPrefix) : "",
        ]
      : [filledIn(preamble, task, agent)];
  const sections = [...before, preamble === "" ? prompt : `# Your mission\n${prompt}`];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

export interface ResumePromptInput extends AgentPromptInput {
  /** The agent whose conversation goes on. */
  readonly earlier: string;
  /** What was sent to it and not read for certain, oldest first. */
  readonly messages: readonly ArrivingMessage[];
}

/**
 * The prompt of an agent that goes on with a conversation: who it is now, the messages that waited for
 * it, then what it is to do. The task it was told in the conversation.
 */
export function resumePrompt(input: ResumePromptInput): string {
  const { task, agent, prompt, toolPrefix = "", preamble, earlier, messages } = input;
  const before =
    preamble === undefined
      ? [goesOn(task, agent, earlier), reporting(task, agent, toolPrefix)]
      : [filledIn(preamble, task, agent)];
  const sections = [
    ...before,
    messages.length === 0
      ? ""
      : ["# Messages that were sent to you", ...messages.flatMap(messageLines)].join("\n"),
    preamble === "" && messages.length === 0 ? prompt : `# What to do now\n${prompt}`,
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function goesOn(task: PreambleTask, agent: PreambleAgent, earlier: string): string {
  return [
    `You are ${agent.agentId}, a headless "${agent.agentType}" agent, and go on with this conversation, in which you were ${earlier}. That agent has ended: from now on use your new id. What it had started is gone.`,
    `Task ${task.taskId}; parent ${agent.parent}; depth ${agent.depth} of ${agent.maxDepth}.${wallClock(agent)}`,
  ].join("\n");
}

/** Only these three: any other brace is the caller's text. */
function filledIn(text: string, task: PreambleTask, agent: PreambleAgent): string {
  const known: Readonly<Record<string, string>> = {
    agent_id: agent.agentId,
    task_id: task.taskId,
    parent: agent.parent,
  };
  return text.replaceAll(
    /\{(agent_id|task_id|parent)\}/g,
    (braced, name: string) => known[name] ?? braced,
  );
}

function wallClock({ wallClockS }: PreambleAgent): string {
  return wallClockS === null ? "" : ` You are stopped after ${wallClockS} seconds.`;
}

function identity(task: PreambleTask, agent: PreambleAgent): string {
  return [
    `You are ${agent.agentId}, a headless "${agent.agentType}" agent. Nobody can answer questions: decide, and say what you decided.`,
    `Task ${task.taskId}; parent ${agent.parent}; depth ${agent.depth} of ${agent.maxDepth}.${wallClock(agent)}`,
    "When you end, every process you started is ended too: leave nothing running that must outlive you.",
    `\n# The task\n${task.description}`,
  ].join("\n");
}

function context(task: PreambleTask): readonly string[] {
  return [
    task.backgroundContext?.trim() ? `## Background\n${task.backgroundContext}` : "",
    list("Expected deliverables", task.expectedDeliverables),
    list("Success criteria", task.successCriteria),
    list("Constraints", task.constraints),
    list("Relevant files", task.relevantFiles),
    history(task.conversationHistory),
  ];
}

function list(title: string, items: readonly string[]): string {
  return items.length === 0 ? "" : [`## ${title}`, ...items.map((item) => `- ${item}`)].join("\n");
}

function reporting(task: PreambleTask, agent: PreambleAgent, prefix: string): string {
  const self = `task_id "${task.taskId}" and agent_id "${agent.agentId}"`;
  return [
    "# How to report (MCP server `corral`)",
    `- \`${prefix}update_agent_progress\` with ${self}: status "working" when you start and every few minutes, "blocked" when you cannot go on.`,
    `- \`${prefix}report_agent_finding\` with the same ids: as soon as you find something worth knowing. Messages to you come in their answers or between your steps: heed them.`,
    children(task, agent, prefix),
    `- At the end, once: \`${prefix}update_agent_progress\` with status "completed" and progress 100, saying what you did and how you verified it; or "failed" and why. Then finish your turn: soon after, you are stopped.`,
  ].join("\n");
}

function children(task: PreambleTask, agent: PreambleAgent, prefix: string): string {
  if (agent.depth >= agent.maxDepth) {
    return "- You may not spawn agents: the task's depth limit is reached. Do all of it yourself.";
  }
  const ids = `task_id "${task.taskId}" and parent_agent_id "${agent.agentId}"`;
  return `- \`${prefix}spawn_child_agent\` with ${ids}: only for a large, separable part. It sees only its child_prompt.`;
}

function history(turns: readonly HistoryTurn[]): string {
  const kept: string[] = [];
  let budget = HISTORY_TOTAL_CHARS;
  for (const turn of turns.toReversed()) {
    const line = historyLine(turn);
    if (line.length > budget) break;
    budget -= line.length;
    kept.unshift(line);
  }
  if (kept.length === 0) return "";
  const left = turns.length - kept.length;
  const gap = left === 0 ? [] : [`(${left} earlier ${left === 1 ? "turn" : "turns"} left out)`];
  return ["## Conversation so far, oldest first", ...gap, ...kept].join("\n");
}

function historyLine({ role, content, timestamp }: HistoryTurn): string {
  const most = role === "user" ? HISTORY_USER_CHARS : HISTORY_OTHER_CHARS;
  const text = content.trim();
  const shown =
    text.length <= most
      ? text
      : `${whole(text.slice(0, most))}… [${text.length - most} more characters]`;
  return `- ${role}${timestamp === undefined ? "" : ` (${timestamp})`}: ${shown}`;
}

/** Without half of a surrogate pair at its end. */
function whole(text: string): string {
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
