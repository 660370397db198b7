/** A store on real SQLite with a clock that the test moves, and records to put into it. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../src/adapters/sqlite/store.ts";
import type { Settlement, StopRecord } from "../../src/agents/record.ts";
import type { NewAgent, Store } from "../../src/supervision/store.ts";
import type { TaskRecord } from "../../src/tasks/task.ts";

export interface StoreStage extends Disposable {
  readonly path: string;
  readonly clock: { at: number; now(): number };
  /** Opens it (again); closed with the stage. */
  open(): Store;
}

const chance = { hex: (bytes: number) => randomBytes(bytes).toString("hex") };

export function storeStage(): StoreStage {
  const folder = mkdtempSync(join(tmpdir(), "store-"));
  const path = join(folder, "corral.db");
  const opened: Store[] = [];
  const clock = { at: 1_000, now: () => clock.at };
  return {
    path,
    clock,
    open() {
      const store = openStore(path, clock, chance);
      opened.push(store);
      return store;
    },
    [Symbol.dispose]() {
      for (const store of opened) {
        try {
          store.close();
        } catch {
          // The test has closed it itself.
        }
      }
      rmSync(folder, { recursive: true });
    },
  };
}

export function task(id = "T1", limits: Partial<TaskRecord["limits"]> = {}): TaskRecord {
  return {
    id,
    description: "A task of a test.",
    priority: "P2",
    workspace: `/workspaces/${id}`,
    clientCwd: null,
    limits: { running: 20, total: 45, depth: 5, ...limits },
    context: {
      background: null,
      deliverables: [],
      criteria: [],
      constraints: [],
      files: [],
      history: [],
    },
    createdAt: 1,
    status: "open",
    closedAt: null,
    closeReason: null,
  };
}

export function newAgent(id: string, over: Partial<NewAgent> = {}): NewAgent {
  return {
    id,
    taskId: "T1",
    type: "worker",
    harness: "command",
    parent: "orchestrator",
    depth: 1,
    host: "tmux",
    session: `agent_${id}`,
    containment: "watermark",
    directory: `/agents/${id}`,
    cwd: "/",
    idempotencyKey: null,
    onDaemonGone: "keep",
    permission: "default",
    idleMs: null,
    createdAt: 1_000,
    wallUntil: 9_000,
    outputLimit: null,
    diskLimit: null,
    tokenLimit: null,
    costLimit: null,
    quotaKey: null,
    quotaLabel: null,
    resumedFrom: null,
    options: null,
    messages: [],
    tokenHash: `hash of ${id}`,
    intents: (slot) => [
      { kind: "prompt_file", locator: `/agents/${id}/prompt.md` },
      { kind: "process_set", locator: `slot ${slot}`, identity: { slot } },
    ],
    ...over,
  };
}

export function settlement(over: Partial<Settlement> = {}): Settlement {
  return {
    status: "completed",
    exitCode: 0,
    signal: null,
    reason: "completed",
    endedAt: 5_000,
    usage: null,
    cliSession: null,
    ...over,
  };
}

export function stopRecord(over: Partial<StopRecord> = {}): StopRecord {
  return {
    cause: "kill",
    reason: "asked",
    graceMs: 1_000,
    requestedAt: 1_000,
    intAt: null,
    termAt: null,
    killAt: null,
    ...over,
  };
}
