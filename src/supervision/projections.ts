/**
 * The projections of what agents reported: `progress/<agent>.jsonl` and `findings/<agent>.jsonl`.
 *
 * The database is the truth. A projection is brought up to it by sequence number: what the file's
 * end does not have yet is appended, in order. So each record is in the file once, whoever
 * died between the commit and the append or in the middle of it, and however often this is called.
 */
import type { AgentRecord } from "../agents/record.ts";
import { asFault, isAbsence, messageOf } from "../kernel/fault.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { Setting } from "./setting.ts";
import { findingView, progressView } from "./views.ts";

export type ProjectionKind = "progress" | "findings";

/** Appended at a time. */
const PAGE = 100;

/**
 * Appends what the projection lacks. Level-driven; to be called after every record, at the start of
 * a daemon, and before the file is given back.
 *
 * @throws what the system said. A workspace that is gone is no failure: nobody reads there.
 */
export function catchUp(
  { store, files }: Pick<Setting, "store" | "files">,
  kind: ProjectionKind,
  agent: Pick<AgentRecord, "id">,
  task: Pick<TaskRecord, "workspace">,
): void {
  const path = `${task.workspace}/${kind}/${agent.id}.jsonl`;
  try {
    let seq = files.projectionEnd(path);
    for (let page = linesAfter(store, kind, agent.id, seq); page.length > 0;) {
      files.appendLines(path, page.map(({ line }) => `${line}\n`).join(""));
      seq = page.at(-1)!.seq;
      page = page.length < PAGE ? [] : linesAfter(store, kind, agent.id, seq);
    }
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** As {@link catchUp}, for whom a failure must not stop: it is logged, and made good later. */
export function tryToCatchUp(
  setting: Pick<Setting, "store" | "files" | "log">,
  kind: ProjectionKind,
  agent: Pick<AgentRecord, "id">,
  task: Pick<TaskRecord, "workspace">,
): void {
  try {
    catchUp(setting, kind, agent, task);
  } catch (error) {
    setting.log.warn("projection.late", { agentId: agent.id, kind, cause: messageOf(error) });
  }
}

/** Both projections of every agent that has not been given back: what a daemon that died left undone. */
export function catchUpAll(setting: Setting): void {
  for (const agent of setting.store.unfinishedAgents()) {
    const task = setting.store.task(agent.taskId);
    if (task === null) continue;
    for (const kind of ["progress", "findings"] as const) tryToCatchUp(setting, kind, agent, task);
  }
}

/**
 * The last chance before a projection is given back: a full disk is waited for, nothing else.
 * @throws {Fault} DISK_FULL; the release is tried again.
 */
export function completeBeforeRelease(setting: Setting, kind: ProjectionKind, owner: string): void {
  const agent = setting.store.agent(owner);
  const task = agent === null ? null : setting.store.task(agent.taskId);
  if (agent === null || task === null) return;
  try {
    catchUp(setting, kind, agent, task);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === "DISK_FULL") throw fault;
    setting.log.warn("projection.incomplete", { agentId: owner, kind, cause: messageOf(error) });
  }
}

function linesAfter(
  store: Setting["store"],
  kind: ProjectionKind,
  agentId: string,
  seq: number,
): readonly { readonly seq: number; readonly line: string }[] {
  if (kind === "findings") {
    return store
      .findingsAfter(agentId, seq, PAGE)
      .map((record) => ({ seq: record.seq, line: JSON.stringify(findingView(record)) }));
  }
  return store.progressAfter(agentId, seq, PAGE).map((record) => ({
    seq: record.seq,
    line: JSON.stringify({ ...progressView(record), validation: record.validation }),
  }));
}
