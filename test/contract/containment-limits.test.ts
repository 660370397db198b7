/** What a set may use up, over real processes; and what is said when it cannot be enforced. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  GROUP_MECHANISMS,
  openContainment,
  type OpenContainment,
  type Refusable,
} from "../../src/adapters/containment/open-containment.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import type { SetLimits } from "../../src/supervision/ports.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../fixtures/agents/run-agent.ts";
import { IS_ROOT, sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { tagged } from "../fixtures/agents/tagged.ts";

const LINUX = process.platform === "linux";
const MB = 1_024 * 1_024;
/** Takes 300 MB and says so. */
const GREEDY = '$x = "a" x (300 * 1024 * 1024); print "had it"';

let slot = 0;

async function open({ worldHard, worldName }: Sandbox, without: readonly Refusable[] = []) {
  return openContainment({ worldName, worldHard, without, runnerScript: RUNNER_SCRIPT });
}

/** Runs a perl script as an agent with these limits to its end, and takes everything back. */
async function run(
  box: Sandbox,
  containment: OpenContainment,
  script: string,
  limits: SetLimits,
  look: (one: Prepared) => void | Promise<void> = () => {},
) {
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  slot += 1; // a directory of its own each time: streams are appended to
  const one = await prepare(box.directory, containment, argv, { limits, slot });
  try {
    await startRunner(one, containment).ended;
    await look(one);
    const exit = exitOf(one.directory);
    const stdout = readFileSync(join(one.directory, "stream.jsonl"), "latin1");
    return { exit, stdout, warnings: one.warnings };
  } finally {
    expect((await containment.kill(one.set, 5_000)).members).toEqual([]);
    await containment.remove(one.set);
    expect(await containment.removeRoots()).not.toContain("kept");
    expect(tagged(box.tag)).toEqual([]);
  }
}

test.runIf(LINUX && IS_ROOT)(
  "more memory than its group may have ends the agent",
  async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box);
    const levels = containment.levels();
    if (!levels.some(({ mechanism, available }) => mechanism === "memory" && available)) {
      skip("needs a v1 memory hierarchy");
    }
    const limits = { processes: 60, memoryBytes: 64 * MB };
    const { exit, stdout, warnings } = await run(box, containment, GREEDY, limits);
    expect(exit).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(stdout).toBe("");
    expect(warnings).toEqual([]);
    const roomy = { processes: 60, memoryBytes: 1_024 * MB };
    expect((await run(box, containment, GREEDY, roomy)).stdout).toBe("had it");
  },
);

test.runIf(LINUX)(
  "without a memory group each process is limited, and the answer says so",
  async () => {
    using box = sandbox();
    const containment = await open(box, GROUP_MECHANISMS);
    const limits = { processes: 60, memoryBytes: 64 * MB, cpuWeight: 50 };
    const { exit, stdout, warnings } = await run(box, containment, GREEDY, limits);
    expect(exit?.code).toBeGreaterThan(0); // perl: "Out of memory!"
    expect(stdout).toBe("");
    expect(warnings).toEqual([
      expect.stringContaining("number of processes"),
      expect.stringContaining("for each process by itself only (RLIMIT_DATA 67108864)"),
      expect.stringContaining("cpu weight is a niceness of 3 only"),
    ]);
  },
);

test.runIf(LINUX)(
  "without a cpu group a lesser weight is a niceness, and a greater one is not had",
  async () => {
    using box = sandbox();
    const containment = await open(box, GROUP_MECHANISMS);
    const read = "print getpriority(0, 0)";
    const own = Number((await run(box, containment, read, { processes: 60 })).stdout);
    const less = await run(box, containment, read, { processes: 60, cpuWeight: 25 });
    expect(Number(less.stdout)).toBe(Math.min(19, own + 6));
    const more = await run(box, containment, read, { processes: 60, cpuWeight: 400 });
    expect(Number(more.stdout)).toBe(own);
    expect(more.warnings.at(-1)).toContain("cpu weight is not in force");
  },
);

test.runIf(LINUX && IS_ROOT)(
  "all agents together keep to their memory, whatever each may have",
  async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box);
    const { memoryCgroup } = containment.plan("look-000000-000002", 1);
    if (typeof memoryCgroup !== "string") skip("needs a v1 memory hierarchy");
    const root = dirname(memoryCgroup ?? "");
    const together = { processes: 333, memoryBytes: 128 * MB, cpuWeight: 50 };
    const limits = { processes: 60, memoryBytes: 1_024 * MB, together };
    const { exit, stdout, warnings } = await run(box, containment, GREEDY, limits, ({ set }) => {
      const file = (group: string | null | undefined, name: string) =>
        readFileSync(join(dirname(group ?? ""), name), "latin1").trim();
      expect(file(set.memoryCgroup, "memory.limit_in_bytes")).toBe(String(128 * MB));
      expect(file(set.pidsCgroup, "pids.max")).toBe("333");
      expect(file(set.cpuCgroup, "cpu.shares")).toBe("512");
    });
    expect(exit).toMatchObject({ signal: "SIGKILL" });
    expect(stdout).toBe("");
    expect(warnings).toEqual([]);
    const usual = { processes: null, memoryBytes: null, cpuWeight: null };
    const free = await run(box, containment, GREEDY, { processes: 60, together: usual }, () => {
      const most = Number(readFileSync(join(root, "memory.limit_in_bytes"), "latin1"));
      expect(most).toBeGreaterThan(300 * MB);
      expect(most).toBeLessThan(totalmem());
    });
    expect(free.stdout).toBe("had it");
  },
);

test.runIf(LINUX && IS_ROOT)(
  "a set that is no agent's leaves the limits of all as they are",
  async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box);
    const root = dirname(containment.plan("look-000000-000003", 1).pidsCgroup ?? "");
    if (root === ".") skip("needs a v1 pids hierarchy");
    const hook = containment.plan("alert-hook", 7);
    const together = { processes: 33, memoryBytes: null, cpuWeight: null };
    await run(box, containment, "exit 0", { processes: 8, together }, async () => {
      await containment.make(hook, { processes: 64 });
      expect(readFileSync(join(root, "pids.max"), "latin1")).toBe("33\n");
      await containment.remove(hook);
    });
  },
);

test.runIf(LINUX)("a limit of all together that nobody enforces is told", async () => {
  using box = sandbox();
  const containment = await open(box, GROUP_MECHANISMS);
  const together = { processes: null, memoryBytes: null, cpuWeight: 50 };
  const { warnings } = await run(box, containment, "exit 0", { processes: 60, together });
  expect(warnings.at(-1)).toBe(
    "All agents together are not limited here in processes and memory and cpu weight: no control group for that is writable.",
  );
});

test.runIf(LINUX)("open files are limited when asked for, and inherited otherwise", async () => {
  using box = sandbox();
  const containment = await open(box, ["cgroup2", "freezer"]);
  const read = 'open F, "/proc/self/limits"; print grep /open files/, <F>';
  const line = /^Max open files\s+(\S+)\s+(\S+)/;
  const limited = await run(box, containment, read, { processes: 60, openFiles: 123 });
  expect(line.exec(limited.stdout)?.slice(1)).toEqual(["123", "123"]);
  const free = await run(box, containment, read, { processes: 60 });
  const own = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  expect(line.exec(free.stdout)?.[2]).toBe(own?.[2]);
});

test.runIf(LINUX)("more open files than are allowed here are said not to be had", async () => {
  using box = sandbox();
  const containment = await open(box);
  const limits = { processes: 60, openFiles: 2 ** 30 };
  const { exit, warnings } = await run(box, containment, "exit 7", limits);
  expect(exit?.code).toBe(7);
  expect(warnings.at(-1)).toMatch(/limited to \d+, the most that is allowed here/);
});

test.runIf(LINUX)(
  "agents are offered to the out-of-memory killer before their runner",
  async () => {
    using box = sandbox();
    const containment = await open(box);
    const read = 'open F, "/proc/self/oom_score_adj"; print <F>';
    const { stdout } = await run(box, containment, read, { processes: 60 });
    const own = Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
    expect(Number(stdout)).toBe(Math.min(1_000, own + 500));
  },
);

test.runIf(LINUX && IS_ROOT)(
  "all agents together have a limit, and only what is asked for is made",
  async () => {
    using box = sandbox();
    const containment = await open(box);
    const { pidsCgroup } = containment.plan("look-000000-000001", 1);
    if (pidsCgroup === null) throw new Error("root has no pids group here");
    const shared = () => Number(readFileSync(join(dirname(pidsCgroup), "pids.max"), "latin1"));
    const small = { processes: 40, cpuWeight: 50 };
    await run(box, containment, "exit 0", small, ({ set }) => {
      expect(readFileSync(join(set.cpuCgroup ?? "", "cpu.shares"), "latin1")).toBe("512\n");
      expect(() => readFileSync(join(set.memoryCgroup ?? "", "tasks"))).toThrow("ENOENT");
    });
    const first = containment.plan("first-000000-000001", 1);
    const second = containment.plan("second-000000-000002", 2);
    const together = { processes: null, memoryBytes: null, cpuWeight: null };
    await containment.make(first, { processes: 50, together });
    expect(shared()).toBe(800);
    await containment.make(second, { processes: 20, together }); // never lowered: the first has counted on it
    expect(shared()).toBe(800);
    for (const set of [first, second]) await containment.remove(set);
    expect(await containment.removeRoots()).not.toContain("kept");
  },
);

test.runIf(LINUX)(
  "a row of before these groups is still looked at, killed and removed",
  async () => {
    using box = sandbox();
    const containment = await open(box);
    const { cpuCgroup, freezer, memoryCgroup, pidNamespace, ...old } = containment.plan(
      "old-000000-000001",
      1,
    );
    expect([cpuCgroup, freezer, memoryCgroup, pidNamespace]).not.toContain(undefined);
    const argv = ["/usr/bin/perl", "-e", "sleep 60", box.tag];
    const one = await prepare(box.directory, containment, argv, { agentId: old.agentId, set: old });
    const { ended } = startRunner(one, containment);
    await expect.poll(() => tagged(box.tag).length).toBe(1);
    const row = JSON.parse(JSON.stringify(old)) as typeof old;
    expect((await containment.look(row)).members).toHaveLength(1);
    expect((await containment.kill(row, 5_000)).members).toEqual([]);
    await ended;
    await containment.remove(row);
    expect(await containment.removeRoots()).not.toContain("kept");
  },
);
