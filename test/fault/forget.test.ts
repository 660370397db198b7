/** G5, G10: what the store forgets goes in pieces; a daemon that dies between them leaves only the rest to do. */
import { expect, test } from "vitest";
import type { AgentView, Receipt } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

const SHORT = {
  CORRAL_RETENTION_MS: "1",
  CORRAL_RECORD_RETENTION_MS: "1",
  CORRAL_SWEEP_MS: "150",
  CORRAL_OUTCOMES_KEPT: "2",
};

async function ended(fault: FaultWorld, command: string): Promise<string> {
  const { agent_id } = await fault.deploy(["/bin/sh", "-c", command]);
  await fault.api("/api/wait", { agent_ids: [agent_id], timeout_s: 20 });
  return agent_id;
}

test("an old agent's outcome is still answered, its files and rows are gone, a live one is untouched", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start(SHORT);
  const live = await fault.deploy(["/bin/sleep", "300"]);
  const id = await ended(fault, "exit 7");
  const view = await waitFor(
    "its record to be forgotten",
    async () => {
      const seen = await fault.api<AgentView>(`/api/agents/${id}`);
      return seen.forgotten_at === null ? undefined : seen;
    },
    20_000,
  );
  expect(view).toMatchObject({
    status: "failed",
    exit_code: 7,
    cleanup: { state: "clean", held: 0, stuck: 0 },
  });
  expect(await fault.api<Receipt>(`/api/agents/${id}/receipt`)).toMatchObject({
    cleanup: { state: "clean" },
    resources: [],
  });
  const output = await fault.api<{ source: string }>("/api/tools/get_agent_output", {
    task_id: view.task_id,
    agent_id: id,
  });
  expect(output.source).toBe("none");
  const untouched = await fault.api<AgentView>(`/api/agents/${live.agent_id}`);
  expect(untouched).toMatchObject({ status: "running", forgotten_at: null });
  expect((await fault.api<Receipt>(`/api/agents/${live.agent_id}/receipt`)).resources).not.toEqual(
    [],
  );
  await fault.api("/api/leave", { mode: "end" });
  expect((await daemon.end).code).toBe(0);
  expect(fault.remains()).toEqual([]);
});

test.for(["store.forgetRecords", "store.dropOutcomes", "store.dropEvents", "store.shrink"])(
  "a daemon that dies after %s leaves the rest to the next one",
  async (point) => {
    await using fault = await makeFaultWorld();
    const first = await fault.start({ CORRAL_RETENTION_MS: "1", CORRAL_SWEEP_MS: "150" });
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) ids.push(await ended(fault, `exit ${index}`));
    first.child.kill("SIGKILL");
    await first.end;
    const doomed = fault.startDoomed({ point, when: "after", nth: 1, act: "kill" }, SHORT);
    expect((await doomed.end).signal).toBe("SIGKILL");
    const last = await fault.start(SHORT);
    const left = await waitFor(
      "two outcomes",
      async () => {
        const { agents } = await fault.api<{ agents: AgentView[] }>("/api/agents?all=1");
        return agents.length === 2 && agents.every((one) => one.forgotten_at !== null)
          ? agents
          : undefined;
      },
      20_000,
    );
    // The oldest went first.
    expect(left.map(({ agent_id }) => agent_id)).toEqual(ids.slice(2));
    expect(left.map(({ exit_code }) => exit_code)).toEqual([2, 3]);
    await fault.api("/api/leave", { mode: "end" });
    expect((await last.end).code).toBe(0);
    expect(fault.remains()).toEqual([]);
  },
);
