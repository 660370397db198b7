/** How much an agent may do: what was asked for, what that comes to, and what a parent may give. */
import type { Permission } from "../agents/record.ts";
import type { HarnessName } from "../contract/agent.ts";
import { Fault } from "../kernel/fault.ts";
import type { DeployRequest } from "./plan-run.ts";

/** From the least to the most. */
const PERMISSIONS: readonly Permission[] = ["plan", "default", "skip"];

/** A program of the caller's asks nobody before it acts, whatever mode was named. */
export function permissionOf(harness: HarnessName, mode: Permission): Permission {
  return harness === "command" ? "skip" : mode;
}

/** A server that the CLI starts is a program of the caller's, outside of the CLI's own permissions. */
export function permissionNeeded(
  harness: HarnessName,
  options: DeployRequest["options"],
): Permission {
  const startsProgram = Object.values(options.mcp_servers ?? {}).some(
    ({ command }) => command !== undefined,
  );
  return startsProgram ? "skip" : permissionOf(harness, options.permission_mode);
}

/** A child would be a way around its parent's own limits. @throws {Fault} FORBIDDEN. */
export function refuseEscalation(
  spawner: NonNullable<DeployRequest["spawner"]>,
  permission: Permission,
  cwd: string,
): void {
  if (spawner.permission === "skip") return;
  const isMore = PERMISSIONS.indexOf(permission) > PERMISSIONS.indexOf(spawner.permission);
  const isElsewhere = cwd !== spawner.cwd && !cwd.startsWith(`${spawner.cwd}/`);
  if (!isMore && !isElsewhere) return;
  const what = isMore ? `the permission "${permission}"` : "a folder outside its parent's";
  throw new Fault("FORBIDDEN", `A child may not have ${what}: its parent has less.`, {
    hint: `Spawn it with permission_mode "${spawner.permission}" in your own folder, or let the orchestrator deploy it.`,
    details: { permission: spawner.permission, cwd: spawner.cwd },
  });
}
