/** Memory and open files of an agent, asked for in its deploy. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DeployAnswer } from "../../src/contract/tools.ts";
import { callTool, makeWorld } from "../helpers/world.ts";
import { newTask, QUICK, shell, waitClean } from "./support.ts";

/** Takes 300 MB and says so. */
const GREEDY = `exec perl -e '$x = "a" x (300 * 1024 * 1024); print "had it"'`;

test
  .runIf(process.platform === "linux")
  .for([{ containment: "auto" }, { containment: "watermark" }, { containment: "pidns" }] as const)(
  "with $containment an agent keeps to its memory and open files",
  async ({ containment }) => {
    await using world = await makeWorld();
    await world.daemon({ ...QUICK, CORRAL_CONTAINMENT: containment });
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const deploy = async (program: string, limits: object): Promise<DeployAnswer> => {
      const input = { task_id: taskId, agent_type: "worker", prompt: "Run.", limits };
      return callTool(client, "deploy_headless_agent", { ...input, command: shell(program) });
    };
    const outputOf = async ({ agent_id: id, workspace }: DeployAnswer): Promise<string> => {
      await waitClean(world, [id]);
      const path = join(workspace, "stream.jsonl");
      return existsSync(path) ? readFileSync(path, "utf8") : "";
    };

    const small = await deploy(GREEDY, { memory_mb: 64, open_files: 99 });
    expect(await outputOf(small)).toBe("");
    const isByProcess = small.warnings.some((text) => text.includes("RLIMIT_DATA"));
    // Where no namespace can be made, the answer says that instead.
    if (containment === "pidns") {
      expect(`${small.containment} ${small.warnings.join(" ")}`).toMatch(/pidns|no PID namespace/);
    }
    if (containment === "watermark") expect(isByProcess).toBe(true);
    expect(await outputOf(await deploy(GREEDY, { memory_mb: 1_024 }))).toBe("had it");
    expect(await outputOf(await deploy("ulimit -n", { open_files: 99 }))).toBe("99\n");
  },
);
