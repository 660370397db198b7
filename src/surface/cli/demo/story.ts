/** The demo's story, told over MCP as any client would: a task, four agents, a kill. */
import { readFileSync } from "node:fs";
import type { AgentView, FindingView, ProgressView } from "../../../contract/agent.ts";
import type { TaskStatusAnswer } from "../../../contract/tools.ts";
import { SECOND_MS } from "../../../kernel/units.ts";
import { endText, hasEnded } from "../views.ts";
import { agentCommand, CAST } from "./cast.ts";
import type { CastName } from "./cast.ts";
import { mcpLink } from "./mcp-link.ts";
import type { McpLink } from "./mcp-link.ts";
import type { Screen } from "./screen.ts";
import type { World } from "./world.ts";

export interface StoryPorts {
  readonly screen: Screen;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Aborted when the person at the terminal has seen enough. */
  readonly interrupted: AbortSignal;
}

export interface Cast {
  readonly taskId: string;
  /** Agent id by who it is. */
  readonly ids: Readonly<Record<string, string>>;
}

/** No agent of the demo works for as long as this, even on a slow machine. */
const STORY_DEADLINE_MS = 25 * SECOND_MS;
const POLL_MS = 150;

/** Connects as a client does: the daemon's URL, and the token from the state directory. */
export async function connectOverMcp(world: World, url: string): Promise<McpLink> {
  const token = readFileSync(world.paths.clientToken, "utf8").trim();
  return await mcpLink({ url: `${url}/mcp`, token, clientName: "corral-demo" });
}

/** Makes the task and deploys everybody. */
export async function deployCast(link: McpLink, world: World, screen: Screen): Promise<Cast> {
  const task = (await link.call("create_real_task", {
    description: "Mend a small repository while two agents misbehave next to it.",
    client_cwd: world.repository,
  })) as { readonly task_id: string };
  screen.event(`create_real_task: ${task.task_id}`);
  const ids: Record<string, string> = {};
  for (const { type, mission } of CAST) {
    const deployed = (await link.call("deploy_headless_agent", {
      task_id: task.task_id,
      agent_type: type,
      prompt: mission,
      harness: "command",
      command: agentCommand(type),
    })) as { readonly agent_id: string; readonly containment: string; readonly host: string };
    ids[type] = deployed.agent_id;
    screen.event(
      `deploy_headless_agent: ${deployed.agent_id} (${deployed.host}, ${deployed.containment}): ${mission}`,
    );
  }
  return { taskId: task.task_id, ids };
}

/**
 * Shows what happens until the condition holds.
 *
 * @returns the last answer; also when the time is up or the demo was interrupted.
 */
export async function follow(
  link: McpLink,
  { taskId }: Cast,
  told: Told,
  until: (answer: TaskStatusAnswer) => boolean,
  { screen, now, sleep, interrupted }: StoryPorts,
): Promise<TaskStatusAnswer> {
  const deadline = now() + STORY_DEADLINE_MS;
  for (;;) {
    const answer = (await link.call("get_real_task_status", {
      task_id: taskId,
    })) as TaskStatusAnswer;
    for (const line of told.news(answer)) screen.event(line);
    if (until(answer) || now() > deadline || interrupted.aborted) return answer;
    screen.now(summaryOf(answer.agents));
    await sleep(POLL_MS, interrupted);
  }
}

/** True when the agent of that type has said that it is at work, or has ended. */
export function isAtWork(type: CastName): (answer: TaskStatusAnswer) => boolean {
  return ({ agents }) =>
    agents.some((it) => it.agent_type === type && (it.reported !== null || hasEnded(it)));
}

/** True when everybody has ended and everything is given back, or is known to be stuck. */
export function isAllOver({ agents }: TaskStatusAnswer): boolean {
  return agents.every((it) => hasEnded(it) && SETTLED_CLEANUP.has(it.cleanup.state));
}

const SETTLED_CLEANUP: ReadonlySet<string> = new Set(["none", "clean", "stuck"]);

/** What was told already, so that nothing is told twice. */
export interface Told {
  /** Lines for what is new in an answer, oldest first. */
  readonly news: (answer: TaskStatusAnswer) => readonly string[];
}

/** Starts with nothing told. */
export function nothingTold(): Told {
  const seen = new Set<string>();
  const fresh = (key: string) => !seen.has(key) && seen.add(key).size > 0;
  return {
    news: ({ progress, findings, agents }) => [
      ...[...progress, ...findings]
        .filter((it) => fresh(`${"severity" in it ? "finding" : "progress"} ${it.seq}`))
        .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
        .map(saidText),
      ...agents
        .filter((it) => hasEnded(it) && fresh(`end ${it.agent_id}`))
        .map((it) => `${it.agent_id}  ${it.status}: ${endText(it)}`),
    ],
  };
}

function saidText(it: ProgressView | FindingView): string {
  return "severity" in it
    ? `${it.agent_id}  finding (${it.severity}): ${it.message}`
    : `${it.agent_id}  ${it.status} ${it.progress} %: ${it.message}`;
}

function summaryOf(agents: readonly AgentView[]): string {
  const running = agents.filter((it) => !hasEnded(it)).map((it) => it.agent_type);
  return running.length === 0
    ? "giving back what they took"
    : `${running.length} of ${agents.length} agents at work: ${running.join(", ")}`;
}
