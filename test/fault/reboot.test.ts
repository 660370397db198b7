/** G3, G6: after the machine was started anew, nothing of before is signalled, and every row is settled. */
import { DatabaseSync } from "node:sqlite";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AgentView, Receipt } from "../../src/contract/agent.ts";
import { errnoOf } from "../../src/kernel/fault.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { hardMarkOf, processes } from "../helpers/os-look.ts";
import { callTool, makeWorld } from "../helpers/world.ts";

/** What a machine that goes down does to a world: everything of it is killed, runners first. */
function killAll(hard: number | undefined): void {
  const ours = processes().filter(({ pid }) => hard !== undefined && hardMarkOf(pid) === hard);
  const isRunner = ({ argv }: { readonly argv: readonly string[] }): boolean =>
    argv[0] === "/bin/sh";
  for (const found of [...ours.filter(isRunner), ...ours.filter((one) => !isRunner(one))]) {
    end(found.pid);
  }
}

/** One that has ended with another, in the meantime, is gone as well. */
function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

/** What the store holds of an earlier boot: the same rows, with another boot's id. */
function pretendReboot(database: string): void {
  const connection = new DatabaseSync(database);
  const changed = connection
    .prepare(
      "UPDATE resources SET identity = json_set(identity, '$.bootId', 'another-boot') WHERE kind = 'process_set'",
    )
    .run();
  connection.close();
  expect(Number(changed.changes)).toBe(1);
}

test("rows of another boot are settled lost and released without a look at today's processes", async () => {
  await using world = await makeWorld();
  const first = await world.daemon();
  const client = await world.mcp();
  const { task_id } = await callTool(client, "create_real_task", {
    description: "outlive the machine",
    client_cwd: world.repo(),
  });
  const agent = await callTool(client, "deploy_headless_agent", {
    task_id,
    agent_type: "sleeper",
    prompt: "sleep",
    command: ["/bin/sleep", "600"],
  });
  const { pid: runner } = JSON.parse(
    readFileSync(join(agent.workspace, "runner.json"), "utf8"),
  ) as { pid: number };
  await first.stop("SIGKILL");
  killAll(hardMarkOf(runner));
  pretendReboot(world.paths.database);

  await world.daemon();
  const path = `/api/agents/${agent.agent_id}`;
  const settled = await waitFor("its settlement", async () => {
    const { body } = await world.api(path);
    return (body as AgentView).cleanup.state === "clean" ? (body as AgentView) : undefined;
  });
  expect(settled).toMatchObject({ status: "lost", exit_code: null, signal: null });
  expect(settled.reason).toContain("restarted");
  const { resources } = (await world.api(`${path}/receipt`)).body as Receipt;
  const seen = new Map(resources.map((entry) => [entry.kind, entry.seen]));
  expect(seen.get("runner_process")).toContain("started anew");
  expect(seen.get("process_set")).toContain("boot id");
});
