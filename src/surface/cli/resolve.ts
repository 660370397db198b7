/** Names that people type, made into the ids that the daemon knows. */
import type { AgentView } from "../../contract/agent.ts";
import { Fault } from "../../kernel/fault.ts";
import type { ApiClient } from "../../contract/client.ts";

/** Enough to say that there are several. */
const SOME = 50;

/**
 * The agent that an id, or the unique beginning of one, names.
 *
 * @throws {Fault} AGENT_NOT_FOUND when none begins so; INPUT_INVALID when several do, and for nothing at all.
 */
export async function resolveAgent(
  client: Pick<ApiClient, "agent" | "agents">,
  typed: string,
): Promise<AgentView> {
  refuseNothing(typed, "agent", "corral ps --all");
  const exact = await exactAgent(client, typed);
  if (exact !== null) return exact;
  const { agents } = await client.agents({ all: true, prefix: typed, limit: SOME });
  return onlyOne(
    agents.filter((agent) => agent.agent_id.startsWith(typed)),
    (agent) => agent.agent_id,
    () => agentNotFound(typed),
    typed,
  );
}

/**
 * The task id that an id, or the unique beginning of one, names.
 *
 * @throws {Fault} TASK_NOT_FOUND when none begins so; INPUT_INVALID when several do, and for nothing at all.
 */
export async function resolveTask(
  client: Pick<ApiClient, "tasks">,
  typed: string,
): Promise<string> {
  refuseNothing(typed, "task", "corral task list");
  const { tasks } = await client.tasks({ status: "all", prefix: typed, limit: SOME });
  const ids = tasks.map((task) => task.task_id);
  if (ids.includes(typed)) return typed;
  const matching = ids.filter((id) => id.startsWith(typed));
  return onlyOne(
    matching,
    (id) => id,
    () => taskNotFound(typed),
    typed,
  );
}

/** Everything begins with nothing: a variable that is not set names nobody. */
function refuseNothing(typed: string, what: string, list: string): void {
  if (typed !== "") return;
  throw new Fault("INPUT_INVALID", `The id of the ${what} is empty.`, {
    hint: `Run "${list}" and use one of the ids it prints.`,
  });
}

async function exactAgent(
  client: Pick<ApiClient, "agent">,
  typed: string,
): Promise<AgentView | null> {
  try {
    return await client.agent(typed);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "AGENT_NOT_FOUND") return null;
    throw thrown;
  }
}

function onlyOne<T>(
  matching: readonly T[],
  idOf: (one: T) => string,
  notFound: () => Fault,
  typed: string,
): T {
  const [first] = matching;
  if (first === undefined) throw notFound();
  if (matching.length === 1) return first;
  const some = matching.slice(0, 4).map(idOf).join(", ");
  throw new Fault(
    "INPUT_INVALID",
    `"${typed}" is the beginning of ${matching.length} ids: ${some}${matching.length > 4 ? ", …" : ""}.`,
    {
      hint: "Type more of the id.",
      details: { matching: matching.length },
    },
  );
}

function agentNotFound(typed: string): Fault {
  return new Fault("AGENT_NOT_FOUND", `No agent has an id that begins with "${typed}".`, {
    hint: 'Run "corral ps --all" and use one of the ids it prints.',
  });
}

function taskNotFound(typed: string): Fault {
  return new Fault("TASK_NOT_FOUND", `No task has an id that begins with "${typed}".`, {
    hint: 'Run "corral task list" and use one of the ids it prints.',
  });
}
