/**
 * Messages by the input of a CLI that takes them while it works.
 *
 *   offered by the input, durable → laid down in its folder → named to its feeder → passed on
 *   → its CLI says that it has it: delivered
 *
 * A daemon that dies between any two of them leaves what the next one goes on with: a message that lies
 * there is only named again, and its feeder passes on none twice. What the input carries is put into no
 * answer; what lies there when nobody reads any more is, and a resume tells what no CLI said it had.
 */
import { arriving, type MessageRecord, messageLines } from "../agents/message.ts";
import type { AgentRecord } from "../agents/record.ts";
import type { CorralEvent } from "../contract/events.ts";
import { messageOf } from "../kernel/fault.ts";
import type { Setting } from "./setting.ts";

/** Whose input it is. */
type Fed = Pick<AgentRecord, "id" | "directory">;

/**
 * Puts messages into the inputs of running agents, now and from now on.
 * @returns the way to stop.
 */
export function feedAgents(setting: Setting): () => void {
  const { store } = setting;
  const forget = store.onEvent(({ agent_id: id, kind }: CorralEvent) => {
    if (id === null || (kind !== "message.queued" && kind !== "agent.running")) return;
    const agent = store.agent(id);
    if (agent !== null) push(setting, agent);
  });
  for (const agent of store.unfinishedAgents()) push(setting, agent);
  return forget;
}

/** Whether an agent's CLI takes messages while it works at all. */
export function takesInput(setting: Setting, agent: Pick<AgentRecord, "harness">): boolean {
  return setting.harnessOf(agent.harness).inputLine !== undefined;
}

/** True while the input carries a message: then no answer does. A failed look carries it on. */
export function isCarried(setting: Setting, agent: Fed, message: MessageRecord): boolean {
  if (!isInHand(agent, message) || message.deliveredAt !== null) return false;
  try {
    const state = setting.inputs.passing(agent.directory, message.id);
    return state === "passed" || (state === "waits" && setting.inputs.isOpen(agent.directory));
  } catch (error) {
    notTold(setting, agent, error);
    return true;
  }
}

/** True while its model may still come to something that the input has brought, or brings. */
export function isHeeding(setting: Setting, agent: AgentRecord): boolean {
  return setting.store
    .openMessages(agent.id)
    .some(
      (message) =>
        (isInHand(agent, message) && message.deliveredAt !== null) ||
        isCarried(setting, agent, message),
    );
}

function isInHand({ id }: Fed, { carrier, way }: MessageRecord): boolean {
  return way === "input" && carrier === id;
}

/** Never throws: what could not be put in waits, and comes with an answer at the latest. */
function push(setting: Setting, agent: AgentRecord): void {
  const { inputs, store } = setting;
  if (agent.status !== "running" || !takesInput(setting, agent)) return;
  try {
    if (!inputs.isOpen(agent.directory)) return;
    for (const message of store.openMessages(agent.id)) {
      // What an answer or a prompt of this run holds stays with that.
      const isNew = message.carrier !== agent.id;
      const isOnTheWay = isInHand(agent, message) && message.deliveredAt === null;
      if (!isNew && !isOnTheWay) continue;
      if (isNew) store.offerMessages([message.id], agent.id, "input");
      inputs.put(agent.directory, message.id, lineOf(setting, agent, message));
    }
  } catch (error) {
    notTold(setting, agent, error);
  }
}

function lineOf(setting: Setting, agent: AgentRecord, message: MessageRecord): string {
  const text = ["A message to you:", ...messageLines(arriving(message))].join("\n");
  return setting.harnessOf(agent.harness).inputLine!(message.id, setting.secrets.text(text));
}

function notTold({ log }: Setting, { id }: Fed, error: unknown): void {
  log.warn("message.not_told", { agentId: id, cause: messageOf(error) });
}
