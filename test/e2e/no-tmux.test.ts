/** A machine without tmux: agents are detached processes, every answer says so, and nothing else is less. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DoctorAnswer } from "../../src/contract/api.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { newTask, shell, waitCleanOne } from "./support.ts";

/** A PATH with what the product needs of the system, and no tmux. */
function pathWithoutTmux({ folder }: World): string {
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const program of ["sh", "env", "prlimit", "date", "sleep", "mv", "sync", "grep", "ps"]) {
    const found = execFileSync("/bin/sh", ["-c", `command -v ${program}`], { encoding: "utf8" });
    symlinkSync(found.trim(), join(path, program));
  }
  return path;
}

test("without tmux an agent is a detached process, and the answers say so", async () => {
  await using world = await makeWorld();
  await world.daemon({ PATH: pathWithoutTmux(world) });
  const client = await world.mcp();
  const { taskId } = await newTask(world, client);
  const answer = await callTool(client, "deploy_headless_agent", {
    task_id: taskId,
    agent_type: "worker",
    prompt: "leave a daemon behind, then fail",
    command: [...shell("setsid /bin/sleep 300 & exit 7")],
  });
  expect(answer).toMatchObject({ host: "process", tmux_session: null });
  expect(answer.warnings.join(" ")).toMatch(/no tmux session.*tmux/);
  expect(await waitCleanOne(world, answer.agent_id)).toMatchObject({
    status: "failed",
    exit_code: 7,
  });
  const { host, problems } = (await world.api("/api/doctor")).body as DoctorAnswer;
  expect(host.kind).toBe("process");
  expect(problems.join(" ")).toContain("not tmux sessions");
});
