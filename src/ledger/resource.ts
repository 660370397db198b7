/**
 * Resources: everything that an agent, a task or the daemon holds and must give back.
 *
 *   intended   written down, durable; the thing may or may not exist yet
 *   held       made and seen
 *   releasing  being undone; may be tried again at any time
 *   released   seen gone
 *   retained   kept on purpose until a date, then deleted
 */

/** In the order in which a deploy writes them down; release runs from the last to the first. */
export const RESOURCE_KINDS = [
  "tmux_server",
  "cgroup_root",
  "ballast",
  "task_workspace",
  "archive",
  "workspace_link",
  "deploy_record",
  "stream_log",
  "stderr_log",
  "progress_log",
  "findings_log",
  "temp_dir",
  "prompt_file",
  "agent_config",
  "bell",
  "tmux_session",
  // The runner goes before the set is proven empty: while it lives it may still start its agent.
  "process_set",
  "runner_process",
  "token",
] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export type ResourceState = "intended" | "held" | "releasing" | "released" | "retained";

/** Owner of what belongs to no agent. */
export const DAEMON_OWNER = "daemon";
/** Owner of the hook that runs for an alert. */
export const HOOK_OWNER = "hook";

export interface ResourceIntent {
  readonly kind: ResourceKind;
  /** Where it is: an absolute path, a session name, a mark. Unique with kind and owner. */
  readonly locator: string;
  /** What proves that it is the same thing; plain JSON, shape by kind. */
  readonly identity?: unknown;
  /** True: on release it is kept until a date instead of being deleted. */
  readonly retain?: boolean;
}

export interface Resource {
  readonly id: number;
  /** Agent id, task id, or {@link DAEMON_OWNER}. */
  readonly owner: string;
  readonly kind: ResourceKind;
  readonly locator: string;
  readonly identity: unknown;
  readonly retain: boolean;
  readonly state: ResourceState;
  /** How often a release was tried and failed. */
  readonly attempts: number;
  /** How its absence (or what is left of it) was seen; null until then. */
  readonly seen: string | null;
  /** Why the last release failed; null when none has. */
  readonly error: string | null;
  readonly createdAt: number;
  readonly changedAt: number;
  /** When a retained thing is deleted; null for all others. Epoch milliseconds. */
  readonly retainUntil: number | null;
}

/** Still to be given back. */
export function isHeld(resource: Pick<Resource, "state">): boolean {
  return resource.state !== "released" && resource.state !== "retained";
}
