/** Many agents of the past, written into a world's store before its daemon starts. */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { openStore } from "../../src/adapters/sqlite/store.ts";
import type { World } from "./world.ts";
import { newAgent, settlement, task } from "./fault-store.ts";

const chance = { hex: (bytes: number) => randomBytes(bytes).toString("hex") };
const TYPES = ["builder", "fixer", "investigator", "reviewer", "tester"];
const ENDS = ["completed", "completed", "completed", "failed", "killed", "timed_out"] as const;
const REASONS: Readonly<Record<(typeof ENDS)[number], string>> = {
  completed: "completed",
  failed: "exited with code 1",
  killed: "Manual termination",
  timed_out: "wall clock",
};

/**
 * Writes that many agents that have ended, hold nothing and are called `crowd-0000-…` and so on.
 * The world has no daemon yet.
 */
export function crowd({ paths }: Pick<World, "paths">, count: number): void {
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 });
  const now = Date.now();
  const store = openStore(paths.database, { now: () => now }, chance);
  try {
    store.atomically(() => {
      const limits = { running: count, total: count, depth: 5 };
      const id = "TASK-20260101-000000-0c0ffee0";
      store.addTask({
        ...task(id, limits),
        description: "Yesterday's migration of the whole test suite",
        createdAt: now - 86_400_000,
      });
      // The oldest first, as they would have been.
      for (let number = count - 1; number >= 0; number -= 1) addOne(store, id, number, now);
    });
  } finally {
    store.close();
  }
}

function addOne(store: ReturnType<typeof openStore>, taskId: string, number: number, now: number) {
  const name = `crowd-${String(number).padStart(4, "0")}-${chance.hex(3)}`;
  const endedAt = now - 60_000 * (number + 5);
  const at = endedAt - 1_000 * (number % 600);
  const type = TYPES[number % TYPES.length] ?? "builder";
  const status = ENDS[number % ENDS.length] ?? "completed";
  store.admitAgent(newAgent(name, { taskId, type, createdAt: at, intents: () => [] }));
  store.markRunning(name, at, []);
  const validation = null;
  const message = `Moved file ${number} and ran its tests`;
  store.addProgress(
    { agentId: name, status: "completed", message, progress: 100, at, validation },
    taskId,
  );
  store.settle(name, settlement({ status, reason: REASONS[status], endedAt }));
}
