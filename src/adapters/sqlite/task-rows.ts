/** Tasks in the store. */
import type { Store } from "../../supervision/store.ts";
import type { Database } from "./database.ts";
import type { EventRows } from "./event-rows.ts";
import { taskOf, toJson } from "./rows.ts";

export function taskRows(database: Database, events: EventRows): Pick<Store, "addTask" | "task"> {
  return {
    addTask(task) {
      events.atomically(() => {
        database.run(
          `INSERT INTO tasks (id, description, priority, workspace, client_cwd, limits, context, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          task.id,
          task.description,
          task.priority,
          task.workspace,
          task.clientCwd,
          toJson(task.limits),
          toJson(task.context),
          task.createdAt,
        );
        events.add({ kind: "task.created", taskId: task.id, facts: { priority: task.priority } });
      });
    },
    task(id) {
      const row = database.get("SELECT * FROM tasks WHERE id = ?", id);
      return row === undefined ? null : taskOf(row);
    },
  };
}
