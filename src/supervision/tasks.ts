/** Making tasks. */
import type { CreateTaskAnswer, CreateTaskInput } from "../contract/tools.ts";
import { mintTaskId } from "../kernel/ids.ts";
import { type EpochMs, MIB } from "../kernel/units.ts";
import { contextOf, type TaskRecord } from "../tasks/task.ts";
import type { Undone } from "../ledger/ports.ts";
import type { Caller } from "./operations.ts";
import type { Setting } from "./setting.ts";

/** Folder below a project in which the workspaces of its tasks lie. */
const WORKSPACES_FOLDER = ".agent-workspace";

/**
 * Makes a task and its workspace.
 * @throws {Fault} CWD_UNUSABLE; nothing was made.
 */
export function createTask(
  setting: Setting,
  input: CreateTaskInput,
  caller: Caller,
): CreateTaskAnswer {
  const { files, clock, chance, places, configuration } = setting;
  const wanted = input.client_cwd ?? (caller.kind === "client" ? caller.cwd : undefined);
  const clientCwd = wanted === undefined ? null : files.realFolder(wanted, true);
  const now = clock.now();
  const id = mintTaskId(now, chance.hex);
  const base = clientCwd === null ? places.workspaces : `${clientCwd}/${WORKSPACES_FOLDER}`;
  const { limit_running, limit_total, limit_depth, limit_task_disk_mb } = configuration();
  const { limit_task_cost_usd, limit_task_tokens } = configuration();
  const task: TaskRecord = {
    id,
    description: input.description,
    priority: input.priority,
    workspace: `${base}/${id}`,
    clientCwd,
    limits: {
      running: input.limits?.running ?? limit_running,
      total: input.limits?.total ?? limit_total,
      depth: input.limits?.depth ?? limit_depth,
      disk: bytesOf(input.limits?.disk_mb ?? limit_task_disk_mb),
      tokens: limitOf(input.limits?.tokens ?? limit_task_tokens),
      costUsd: limitOf(input.limits?.cost_usd ?? limit_task_cost_usd),
    },
    context: contextOf(input),
    createdAt: now,
    status: "open",
    closedAt: null,
    closeReason: null,
  };
  addWithWorkspace(setting, task);
  const warnings = warningsOf(setting, input, clientCwd);
  return { task_id: id, workspace: task.workspace, status: "open", warnings };
}

/** A cap as settings and calls give it; 0 is none. */
export function bytesOf(mebibytes: number): number | null {
  return mebibytes === 0 ? null : mebibytes * MIB;
}

/** A limit as settings and calls give it; 0 is none. */
export function limitOf(given: number): number | null {
  return given === 0 ? null : given;
}

/** The end of the calendar: a workspace is kept as long as its task. */
const FOR_EVER: EpochMs = 8_640_000_000_000_000;

/**
 * Writes the workspace down, makes it, and adds the task, which holds it from then on. What a
 * crash between leaves is a row of no task: the next sweep removes it.
 */
function addWithWorkspace({ files, store }: Setting, task: TaskRecord): void {
  const [row] = store.intend(task.id, [{ kind: "task_workspace", locator: task.workspace }]);
  const record = (undone: Undone): void =>
    store.recordReleases([{ resource: row!, error: null, undone }]);
  try {
    files.makeWorkspace(task.workspace);
    store.atomically(() => {
      store.addTask(task);
      record({ gone: false, seen: "kept with its task", retainUntil: FOR_EVER });
    });
  } catch (error) {
    record({ gone: true, seen: files.remove(task.workspace) });
    throw error;
  }
}

/** What was accepted and may still not be what was meant. */
function warningsOf(
  { files }: Setting,
  input: CreateTaskInput,
  clientCwd: string | null,
): string[] {
  const warnings: string[] = [];
  if (clientCwd === null) {
    warnings.push(
      "No client_cwd was given: agents work in the task's own workspace unless deploy names a cwd.",
    );
  }
  for (const file of input.relevant_files ?? []) {
    const path = file.startsWith("/") ? file : `${clientCwd ?? ""}/${file}`;
    if (files.sizeOf(path) === null) warnings.push(`relevant_files: "${file}" does not exist.`);
  }
  return warnings;
}
