/** What a demo agent knows of itself, and how it speaks to Corral: what any agent is given. */
import { execFileSync } from "node:child_process";
import { mcpLink } from "../mcp-link.ts";
import type { McpLink } from "../mcp-link.ts";

export interface Self {
  readonly taskId: string;
  readonly agentId: string;
  /** Prints a line on stdout and tells Corral the same as progress. */
  readonly report: (
    status: "working" | "completed" | "failed",
    progress: number,
    message: string,
  ) => Promise<void>;
  readonly find: (
    type: string,
    severity: "low" | "medium" | "high",
    message: string,
    facts: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
  readonly link: McpLink;
}

/** Connects with the agent's own token, which came in its environment. */
export async function introduceSelf(): Promise<Self> {
  const { CORRAL_URL: url, CORRAL_TOKEN: token } = process.env;
  const { CORRAL_TASK_ID: taskId, CORRAL_AGENT_ID: agentId } = process.env;
  if (!url || !token || !taskId || !agentId) {
    throw new Error("This program is an agent of the demo: corral demo starts it.");
  }
  const link = await mcpLink({ url, token, clientName: agentId });
  const who = { task_id: taskId, agent_id: agentId };
  return {
    taskId,
    agentId,
    link,
    report: async (status, progress, message) => {
      say(`${status} ${progress} %: ${message}`);
      await link.call("update_agent_progress", { ...who, status, progress, message });
    },
    find: async (finding_type, severity, message, data) => {
      say(`${severity} ${finding_type}: ${message}`);
      await link.call("report_agent_finding", { ...who, finding_type, severity, message, data });
    },
  };
}

/** A line in the agent's own log. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The output of git in the agent's folder, without the closing newline. */
export function git(...words: readonly string[]): string {
  return execFileSync("git", words, { encoding: "utf8" }).trimEnd();
}

/** Files under version control whose name ends so. */
export function trackedFiles(ending: string): readonly string[] {
  return git("ls-files")
    .split("\n")
    .filter((path) => path.endsWith(ending));
}
