/**
 * Going on with an agent that has ended: a deploy like any other, in the same folder and with the same
 * options, whose CLI is told which session to go on with.
 */
import type { AgentRecord } from "../agents/record.ts";
import { resumeObstacle, type MessageRecord, type ResumeObstacle } from "../agents/message.ts";
import type { ResumeAnswer, ResumeInput } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import { SECOND_MS } from "../kernel/units.ts";
import { isHeld } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { Deploys } from "./deploy.ts";
import { resumedOptions } from "./kept-options.ts";
import type { DeployRequest } from "./plan-run.ts";
import type { Setting } from "./setting.ts";
import { waitUntil } from "./waiting.ts";

/** How long a resume waits for the last processes of the run before it. */
const RELEASE_MS = 10 * SECOND_MS;

/** The agent that goes on, and whose conversation it is. */
export interface ToResume {
  readonly task: TaskRecord;
  readonly agent: AgentRecord;
  /** The agent that asks for it; null when a client does. */
  readonly spawner: DeployRequest["spawner"];
  /** Whose child it is by now: the parent of before, or whoever goes on for that. */
  readonly parent: string;
}

/**
 * Resumes an agent and answers when its CLI runs again.
 *
 * @throws {Fault} RESUME_REFUSED, with what stands in the way; INPUT_INVALID when a secret has to be
 *                 given again; and everything that a deploy throws. Nothing is left behind.
 */
export async function resumeAgent(
  setting: Setting,
  deploys: Deploys,
  { task, agent, parent, spawner }: ToResume,
  input: ResumeInput,
): Promise<ResumeAnswer> {
  const { store } = setting;
  const earlier = deploys.earlier(task, input.idempotency_key ?? null);
  if (earlier === null) await refuseUnable(setting, agent);
  const messages = store.openMessages(agent.id);
  const answer =
    earlier ??
    (await deploys.deploy(task, {
      type: agent.type,
      prompt: input.message,
      parent,
      depth: agent.depth,
      parentCwd: null,
      spawner,
      idempotencyKey: input.idempotency_key ?? null,
      onQuota: "refuse",
      options: optionsOf(agent, input),
      resumes: { agent, messages },
    }));
  if (earlier !== null) refuseOther(store.agent(earlier.agent_id), agent);
  return { ...answer, resumed_from: agent.id, messages: idsOf(messages, earlier !== null) };
}

/** A key that another deploy of the task has used would answer with an agent that goes on with nothing, or another. */
function refuseOther(answered: AgentRecord | null, { id }: AgentRecord): void {
  if (answered === null || answered.resumedFrom === id) return;
  throw new Fault(
    "INPUT_INVALID",
    `The key is that of "${answered.id}", which does not resume "${id}".`,
    {
      hint: "Use an idempotency_key of its own for each deploy and each resume.",
      details: { parameter: "idempotency_key", agent_id: answered.id },
    },
  );
}

function idsOf(messages: readonly MessageRecord[], isEarlier: boolean): string[] {
  return isEarlier ? [] : messages.map(({ id }) => id);
}

function optionsOf(agent: AgentRecord, input: ResumeInput): DeployRequest["options"] {
  const record = { harness: agent.harness, cwd: agent.cwd, permission_mode: agent.permission };
  return resumedOptions(agent.options, record, input);
}

async function refuseUnable(setting: Setting, agent: AgentRecord): Promise<void> {
  if (agent.endedAt === null) {
    throw refused(agent, "running", `"${agent.id}" is ${agent.status}: it has not ended.`, {
      hint: "Use send_agent_message while it runs, or stop it with kill_real_agent first.",
    });
  }
  const hasResume = setting.harnessOf(agent.harness).resume !== undefined;
  // A closed task refuses every deploy in its own words.
  const obstacle = resumeObstacle(agent, hasResume, true);
  if (obstacle !== null) {
    throw refused(agent, obstacle.why, `"${agent.id}" cannot go on: ${obstacle.sentence}`, {
      hint: "Deploy a new agent on the task with deploy_headless_agent, and tell it what it has to know.",
    });
  }
  refuseFolderGone(setting, agent);
  // Whatever is left of the run before would write into the same conversation.
  const isGone = await waitUntil(setting, () => !holdsProcesses(setting, agent), RELEASE_MS);
  if (isGone) return;
  throw refused(agent, "releasing", `Processes of "${agent.id}" are not gone yet.`, {
    hint: `Look at its receipt ("corral ledger"), then call again.`,
  });
}

function holdsProcesses({ store }: Setting, agent: AgentRecord): boolean {
  return store
    .resourcesOf(agent.id)
    .some((row) => (row.kind === "process_set" || row.kind === "runner_process") && isHeld(row));
}

function refuseFolderGone({ files }: Setting, agent: AgentRecord): void {
  try {
    files.realFolder(agent.cwd, agent.permission !== "plan");
  } catch (error) {
    throw refused(agent, "folder_gone", `The folder of "${agent.id}" cannot be used any more.`, {
      hint: "Put the folder back where it was, or deploy a new agent with deploy_headless_agent.",
      cause: error,
    });
  }
}

/** The refusal of a resume, with what stands in the way for programs. */
export function refused(
  { id, status }: Pick<AgentRecord, "id" | "status">,
  why: ResumeObstacle,
  message: string,
  { hint, cause }: { readonly hint: string; readonly cause?: unknown },
): Fault {
  return new Fault("RESUME_REFUSED", message, {
    hint,
    cause,
    details: { agent_id: id, status, why },
  });
}
