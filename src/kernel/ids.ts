/**
 * Identifiers. Minted by the daemon, opaque to callers, safe as one path segment,
 * one file name and one tmux session name after {@link sessionNameOf}.
 */

/** `TASK-YYYYMMDD-HHMMSS-<8 hex>`, UTC. */
export type TaskId = string;
/** `<agent type>-HHMMSS-<6 hex>`, UTC. */
export type AgentId = string;

/** `MSG-<12 hex>`. */
export type MessageId = string;

/** What a caller may name an agent type: 1 to 64 of letters, digits, `.`, `_`, `-`; starts with a letter or digit. */
export const AGENT_TYPE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Random bytes; injected because randomness counts as I/O. */
export type RandomHex = (bytes: number) => string;

/**
 * Mints a task id.
 * @param now  Milliseconds since the Unix epoch.
 */
export function mintTaskId(now: number, random: RandomHex): TaskId {
  const [date, time] = stamp(now);
  return `TASK-${date}-${time}-${random(4)}`;
}

/**
 * Mints an agent id from its type.
 * @param type  Already checked against {@link AGENT_TYPE_PATTERN}.
 * @param now   Milliseconds since the Unix epoch.
 */
export function mintAgentId(type: string, now: number, random: RandomHex): AgentId {
  return `${type}-${stamp(now)[1]}-${random(3)}`;
}

/** Mints a message id: found again in any text that holds it, by {@link MESSAGE_ID_PATTERN}. */
export function mintMessageId(random: RandomHex): MessageId {
  return `MSG-${random(6)}`;
}

/** What stands before the random part of a message id in its UUID: "MSG" in hex, as a random UUID looks. */
const MESSAGE_UUID = "4d534700-0000-4000-8000-";

/** The UUID of a message, for CLIs that name what they are told by one. */
export function messageUuid(id: MessageId): string {
  return `${MESSAGE_UUID}${id.slice("MSG-".length)}`;
}

/** The message of a UUID; null for every other one. */
export function messageOfUuid(uuid: string): MessageId | null {
  const random = uuid.startsWith(MESSAGE_UUID) ? uuid.slice(MESSAGE_UUID.length) : "";
  return /^[0-9a-f]{12}$/.test(random) ? `MSG-${random}` : null;
}

/** Every message id in a text. */
export const MESSAGE_ID_PATTERN = /MSG-[0-9a-f]{12}(?![0-9a-f])/g;

/**
 * The tmux session name of an agent. tmux itself turns `.` and `:` into `_`, silently;
 * we do it first so that the name we ask about is the name that exists.
 * Two agents never share one: the random part of the id survives.
 */
export function sessionNameOf(agentId: AgentId): string {
  return `agent_${agentId.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
}

function stamp(now: number): readonly [date: string, time: string] {
  const iso = new Date(now).toISOString();
  return [iso.slice(0, 10).replaceAll("-", ""), iso.slice(11, 19).replaceAll(":", "")];
}
