/** A daemon that dies while it closes a task: the outcome and the stops are one, so the next one goes on. */
import { expect, test } from "vitest";
import { callTool } from "../helpers/world.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";

test.for(["before", "after"] as const)(
  "killed %s the close is recorded: all of it happens, or nothing",
  { timeout: 120_000 },
  async (when) => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const { agent_id, task_id } = await fault.deploy(["/bin/sleep", "300"]);
    await daemon.arm({ point: "store.closeTask", when, nth: 1, act: "kill" });
    const input = { task_id, outcome: "cancelled", reason: "over" };
    await fault.api("/api/tools/close_task", input).catch(() => undefined);
    expect((await daemon.end).signal).toBe("SIGKILL");
    await fault.start();
    const client = await fault.world.mcp();
    if (when === "before") {
      const { task, agents } = await callTool(client, "get_real_task_status", { task_id });
      expect([task.status, agents[0]?.status]).toEqual(["open", "running"]);
      await callTool(client, "close_task", input);
    }
    await fault.api("/api/wait", { agent_ids: [agent_id], timeout_s: 30 });
    const { task, agents } = await callTool(client, "get_real_task_status", { task_id });
    expect(task).toMatchObject({ status: "cancelled", close_reason: "over" });
    expect(agents).toMatchObject([
      { status: "killed", reason: "Its task was closed: over", cleanup: { state: "clean" } },
    ]);
    await fault.api("/api/leave", { mode: "end" });
  },
);
