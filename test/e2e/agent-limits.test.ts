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

test.runIf(process.platform === "linux")(
  "the settings are the limits of who asks for none, and the answer says what is not in force",
  async () => {
    await using world = await makeWorld();
    await world.daemon({
      ...QUICK,
      CORRAL_CONTAINMENT: "watermark",
      CORRAL_LIMIT_OPEN_FILES: "77",
      CORRAL_LIMIT_MEMORY_MB: "64",
      CORRAL_LIMIT_CPU_WEIGHT: "25",
    });
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const deploy = (program: string, limits: object): Promise<DeployAnswer> =>
      callTool(client, "deploy_headless_agent", {
        task_id: taskId,
        agent_type: "worker",
        prompt: "Run.",
        limits,
        command: shell(program),
      });
    const usual = await deploy(`ulimit -n; nice; ${GREEDY}`, {});
    const own = await deploy(`ulimit -n; nice; ${GREEDY}`, { memory_mb: 1_024, cpu_weight: 100 });
    await waitClean(world, [usual.agent_id, own.agent_id]);
    const outputOf = ({ workspace }: DeployAnswer): string =>
      readFileSync(join(workspace, "stream.jsonl"), "utf8");
    const free = Number(outputOf(own).split("\n")[1]);
    expect(outputOf(usual)).toBe(`77\n${Math.min(19, free + 6)}\n`);
    expect(outputOf(own)).toBe(`77\n${free}\nhad it`);
    expect(usual.warnings.join("\n")).toMatch(/RLIMIT_DATA[^]*niceness of 6[^]*together are not/);
    expect(own.warnings.join("\n")).not.toContain("niceness");
  },
);
