/** Projections hold every record once, whoever dies between its commit and its line, or within the line. */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

interface Stage {
  readonly fault: FaultWorld;
  readonly task_id: string;
  readonly agent_id: string;
  readonly findings: string;
  readonly progress: string;
}

async function stage(fault: FaultWorld): Promise<Stage> {
  const { agent_id, task_id } = await fault.deploy(["/bin/sleep", "300"]);
  const { task } = await fault.api<{ task: { workspace: string } }>(
    "/api/tools/get_real_task_status",
    { task_id },
  );
  const fileOf = (kind: string) => join(task.workspace, kind, `${agent_id}.jsonl`);
  return { fault, task_id, agent_id, findings: fileOf("findings"), progress: fileOf("progress") };
}

const find = ({ fault, task_id, agent_id }: Stage, message: string) =>
  fault.api("/api/tools/report_agent_finding", {
    task_id,
    agent_id,
    finding_type: "issue",
    severity: "low",
    message,
  });
const report = ({ fault, task_id, agent_id }: Stage, message: string) =>
  fault.api("/api/tools/update_agent_progress", { task_id, agent_id, status: "working", message });

const messagesIn = (path: string): string[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { message: string }).message);

async function end({ fault, agent_id, task_id }: Stage): Promise<void> {
  await fault.api("/api/tools/kill_real_agent", { task_id, agent_id, grace_s: 0 });
  await fault.api("/api/leave", { mode: "end" });
}

const STRIKES = [
  { point: "store.addFinding", when: "after" },
  { point: "files.appendLines", when: "before" },
  { point: "files.appendLines", when: "after" },
] as const;

test.for(STRIKES)(
  "killed $when $point: the next daemon writes what is missing, once",
  { timeout: 60_000 },
  async (strike) => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const at = await stage(fault);
    await find(at, "first");
    await daemon.arm({ ...strike, nth: 1, act: "kill" });
    await find(at, "second").catch(() => undefined);
    expect((await daemon.end).signal).toBe("SIGKILL");
    await fault.start();
    expect(messagesIn(at.findings)).toEqual(["first", "second"]);
    await find(at, "third");
    await report(at, "and a report");
    expect(messagesIn(at.findings)).toEqual(["first", "second", "third"]);
    expect(messagesIn(at.progress)).toEqual(["and a report"]);
    await end(at);
  },
);

test(
  "killed in the middle of a write: the torn line is repaired",
  { timeout: 60_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const at = await stage(fault);
    await find(at, "first");
    await daemon.arm({ point: "files.appendLines", when: "before", nth: 1, act: "kill" });
    await find(at, "second ".repeat(1_000)).catch(() => undefined);
    await daemon.end;
    // What a write leaves that was cut short by the death of its writer.
    appendFileSync(at.findings, '{"seq":2,"agent_id":"x","message":"second seco');
    await fault.start();
    expect(messagesIn(at.findings)).toEqual(["first", "second ".repeat(1_000)]);
    await end(at);
  },
);

test(
  "killed between commit and append of its last word, the agent ends with a whole projection",
  { timeout: 60_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const at = await stage(fault);
    await daemon.arm({ point: "files.appendLines", when: "before", nth: 1, act: "kill" });
    await find(at, "last").catch(() => undefined);
    await daemon.end;
    // Offline: no daemon comes back before everything is given back.
    const { pid } = readRunner(fault, at.agent_id);
    process.kill(pid, "SIGTERM");
    await expect
      .poll(() => existsSync(join(agentFolder(fault, at.agent_id), "exit.json")), {
        timeout: 15_000,
      })
      .toBe(true);
    const { code } = await fault.world.corral(["sweep", "--apply"]);
    expect(code).toBe(0);
    expect(messagesIn(at.findings)).toEqual(["last"]);
  },
);

function agentFolder(fault: FaultWorld, agentId: string): string {
  return join(fault.world.paths.agentsDir, agentId);
}

function readRunner(fault: FaultWorld, agentId: string): { readonly pid: number } {
  return JSON.parse(readFileSync(join(agentFolder(fault, agentId), "started.json"), "utf8")) as {
    pid: number;
  };
}

test(
  "a write that fails for a full disk is made good with the next record",
  { timeout: 60_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const at = await stage(fault);
    await daemon.arm({
      point: "files.appendLines",
      when: "before",
      nth: 1,
      act: "throw",
      errno: "ENOSPC",
    });
    await find(at, "first");
    expect(existsSync(at.findings)).toBe(false);
    await find(at, "second");
    expect(messagesIn(at.findings)).toEqual(["first", "second"]);
    await daemon.arm({
      point: "files.appendLines",
      when: "before",
      nth: 1,
      act: "throw",
      errno: "ENOSPC",
    });
    await find(at, "third");
    // Nothing more is reported: the release makes it good.
    await end(at);
    expect(messagesIn(at.findings)).toEqual(["first", "second", "third"]);
  },
);

test(
  "what an agent puts in its place is neither followed nor waited for; what is removed is written anew",
  { timeout: 60_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    const at = await stage(fault);
    const treasure = join(fault.world.folder, "treasure");
    writeFileSync(treasure, "mine\n");
    symlinkSync(treasure, at.findings);
    await find(at, "first");
    expect(readFileSync(treasure, "utf8")).toBe("mine\n");
    rmSync(at.findings);
    await find(at, "second");
    expect(messagesIn(at.findings)).toEqual(["first", "second"]);
    appendFileSync(at.findings, "a note of somebody's own\n");
    await find(at, "third");
    const lines = readFileSync(at.findings, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[2]).toBe("a note of somebody's own");
    expect(handlesOf(daemon.pid)).not.toContain(at.findings);
    await end(at);
  },
);

function handlesOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
}
