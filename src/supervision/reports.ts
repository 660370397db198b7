/** What agents say about themselves: progress, findings, and the claim of completion. */
import type { AgentRecord } from "../agents/record.ts";
import { validateCompletion } from "../agents/completion.ts";
import type { Validation } from "../contract/agent.ts";
import type { Inbox } from "../contract/messages.ts";
import type {
  FindingAnswer,
  FindingInput,
  ProgressAnswer,
  ProgressInput,
} from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { tryToCatchUp } from "./projections.ts";
import type { Setting } from "./setting.ts";
import { findingView, progressView } from "./views.ts";

const PEERS_SHOWN = 3;
const REPORTS_WEIGHED = 200;

/**
 * Records a progress report. A claimed completion is validated; when it is accepted, and no message
 * comes with the answer, the agent gets a linger in which it may finish its last turn and leave by itself.
 *
 * @param inbox      Its messages, taken when the report is durable: a report that fails brings none.
 * @param isHeeding  Whether its input has brought it something that it may not have come to yet.
 * @throws {Fault} AGENT_ENDED: a settled agent never revives.
 */
export async function reportProgress(
  setting: Setting,
  loops: AgentLoops,
  task: TaskRecord,
  agent: AgentRecord,
  input: ProgressInput,
  inbox: () => Inbox | null,
  isHeeding: () => boolean,
): Promise<ProgressAnswer> {
  refuseEnded(agent);
  const at = setting.clock.now();
  const validation =
    input.status === "completed" ? await validate(setting, task, agent, input) : null;
  // The evidence took time to gather: the agent may have ended meanwhile.
  refuseEnded(setting.store.agent(agent.id) ?? agent);
  const { status, message, progress } = input;
  const record = setting.store.addProgress(
    { agentId: agent.id, status, message, progress, at, validation },
    task.id,
  );
  const own = progressView(record);
  tryToCatchUp(setting, "progress", agent, task);
  const messages = inbox();
  // What comes with this very answer, or by its input, is to be acted on first: it ends by itself, or claims again.
  if (validation?.accepted === true && messages === null && !isHeeding()) {
    setting.store.recordLinger(agent.id, at + setting.configuration().linger_ms);
    loops.poke(agent.id);
  }
  return { own_update: own, validation, peers: peersOf(setting, task, agent), inbox: messages };
}

/** Records a finding. @param inbox  As for {@link reportProgress}. @throws {Fault} AGENT_ENDED. */
export function reportFinding(
  setting: Setting,
  task: TaskRecord,
  agent: AgentRecord,
  input: FindingInput,
  inbox: () => Inbox | null,
): FindingAnswer {
  refuseEnded(agent);
  const record = setting.store.addFinding(
    {
      agentId: agent.id,
      findingType: input.finding_type,
      severity: input.severity,
      message: input.message,
      details: input.data ?? null,
      at: setting.clock.now(),
    },
    task.id,
  );
  const own = findingView(record);
  tryToCatchUp(setting, "findings", agent, task);
  return { own_finding: own, peers: peersOf(setting, task, agent), inbox: inbox() };
}

function refuseEnded(agent: AgentRecord): void {
  if (agent.endedAt === null) return;
  throw new Fault("AGENT_ENDED", `The agent "${agent.id}" has ended: ${agent.status}.`, {
    hint: "Nothing is left to report; deploy another agent if there is more to do.",
    details: { agent_id: agent.id, status: agent.status },
  });
}

async function validate(
  setting: Setting,
  task: TaskRecord,
  agent: AgentRecord,
  input: ProgressInput,
): Promise<Validation> {
  const { store, clock, files, configuration } = setting;
  const startedAt = agent.startedAt ?? agent.createdAt;
  const earlier = store.progress(task.id, REPORTS_WEIGHED, agent.id);
  const now = clock.now();
  const claim = { status: input.status, progress: input.progress, at: now };
  return validateCompletion(
    {
      agentType: agent.type,
      message: input.message,
      startedAt,
      now,
      filesChanged: await files.changedSince(agent.cwd, startedAt),
      findings: store.findings(task.id, REPORTS_WEIGHED, agent.id).length,
      reports: [...earlier.map(({ status, progress, at }) => ({ status, progress, at })), claim],
    },
    configuration().validation_mode,
  );
}

function peersOf(setting: Setting, task: TaskRecord, agent: AgentRecord): ProgressAnswer["peers"] {
  const others = <T extends { readonly agentId: string }>(records: readonly T[]): T[] =>
    records.filter(({ agentId }) => agentId !== agent.id).slice(-PEERS_SHOWN);
  // Twenty of the latest are enough to find three of others, whoever talks most.
  return {
    progress: others(setting.store.progress(task.id, 20)).map(progressView),
    findings: others(setting.store.findings(task.id, 20)).map(findingView),
  };
}
