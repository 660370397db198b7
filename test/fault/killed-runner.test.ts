/** A killed runner rings no bell; its host tells, long before the next look unasked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { processOf } from "../helpers/os-look.ts";

/** No look comes unasked while a test lasts, and no sweep. */
const UNASKED = { CORRAL_RESYNC_MS: "600000", CORRAL_SWEEP_MS: "86400000" };

function runnerOf({ workspace }: { readonly workspace: string }): number {
  const text = readFileSync(join(workspace, "runner.json"), "utf8");
  return (JSON.parse(text) as { readonly pid: number }).pid;
}

test.for([
  { host: "tmux", isAdopted: false },
  { host: "tmux", isAdopted: true },
  { host: "process", isAdopted: false },
])("on the host $host, adopted: $isAdopted", async ({ host, isAdopted }) => {
  await using fault = await makeFaultWorld();
  const env = { ...UNASKED, CORRAL_HOST: host };
  let daemon = await fault.start(env);
  const agent = await fault.deploy(["/bin/sleep", "300"]);
  const other = await fault.deploy(["/bin/sleep", "300"]);
  if (isAdopted) {
    daemon.child.kill("SIGKILL");
    await daemon.end;
    daemon = await fault.start(env);
    await fault.quiet();
  }
  const viewOf = async (one: AgentView): Promise<AgentView> =>
    fault.api<AgentView>(`/api/agents/${one.agent_id}`);
  const runner = runnerOf(agent as unknown as { readonly workspace: string });
  process.kill(runner, "SIGKILL");
  await waitFor("lost", async () => ((await viewOf(agent)).status === "lost" ? true : undefined));
  await waitFor("the runner's end", () => (processOf(runner) === undefined ? true : undefined));
  expect((await viewOf(other)).status).toBe("running");
  await fault.quiet();
  expect(await lastComplaints(fault)).toEqual([]);
  await fault.api("/api/leave", { mode: "end" });
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(fault.remains()).toEqual([]);
});
