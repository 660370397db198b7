/**
 * Time plays no part in who is signalled: a stopped agent dies, a clock that jumps changes
 * nothing, and a pid that was given to somebody else is nobody's.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../src/adapters/containment/open-containment.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import type { ProcessSet } from "../../src/supervision/ports.ts";
import { exitOf, prepare, startRunner } from "../fixtures/agents/run-agent.ts";
import { IS_ROOT, sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { tagged, until } from "../fixtures/agents/tagged.ts";

const NO_GROUPS = ["cgroup2", "freezer"] as const;
const RUNGS = [
  { level: "cgroup2+watermark", without: [], pidNamespace: false },
  { level: "freezer+watermark", without: ["cgroup2"], pidNamespace: false },
  { level: "pidns+watermark", without: NO_GROUPS, pidNamespace: true },
  { level: "watermark", without: NO_GROUPS, pidNamespace: false },
] as const;

const RECYCLE = fileURLToPath(new URL("../fixtures/agents/recycle-pids.ts", import.meta.url));

afterEach(() => vi.useRealTimers());

describe.runIf(process.platform === "linux")("time", () => {
  test.for(RUNGS)("a stopped agent is killed by $level", async (rung, { skip }) => {
    using box = sandbox();
    const containment = await open(box, rung);
    if (containment.describe() !== rung.level) skip(`here it is ${containment.describe()}`);
    await using one = await startTwo(box, containment);
    for (const pid of tagged(box.tag)) process.kill(pid, "SIGSTOP");
    // One that has not come to a halt yet would take the TERM first.
    await until("both are stopped", () => tagged(box.tag).every(isStopped));
    // A signal that can be caught waits for a process that is stopped.
    expect(await containment.signal(one.set, "SIGTERM")).toBeGreaterThanOrEqual(2);
    expect(tagged(box.tag)).toHaveLength(2);
    await endAndProve(box, containment, one);
    expect(exitOf(one.directory)).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test.for(["1999-12-31T23:59:59Z", "2099-01-01T00:00:00Z"])(
    "with the clock set to %s members are found and killed as ever",
    async (date) => {
      using box = sandbox();
      const containment = await open(box, RUNGS[0]);
      await using one = await startTwo(box, containment);
      vi.useFakeTimers({ toFake: ["Date"], now: new Date(date) });
      const after = await open(box, RUNGS[0]);
      const seen = await after.look(one.set);
      expect(seen.members.map(({ pid }) => pid)).toEqual(
        expect.arrayContaining([...tagged(box.tag)]),
      );
      expect(seen.mismatch).toEqual([]);
      expect(after.plan("later-000000-000002", 2).notBeforeTicks).toBeGreaterThanOrEqual(
        one.set.notBeforeTicks,
      );
      await endAndProve(box, after, one);
    },
  );

  test.runIf(IS_ROOT)(
    "pids that were given to somebody else are never signalled",
    { timeout: 60_000 },
    async ({ skip }) => {
      using box = sandbox();
      const { directory, tag, worldHard, worldName } = box;
      const request = JSON.stringify({ directory, tag, worldHard, worldName, rounds: 15 });
      const namespace = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"];
      const { stdout } = await promisify(execFile)("unshare", [
        ...namespace,
        process.execPath,
        RECYCLE,
        request,
      ]);
      const seen = JSON.parse(stdout);
      if (seen.refused !== undefined)
        skip(`pid_max of a namespace is not settable: ${seen.refused}`);
      expect(seen).toEqual({ rounds: 15, recycled: 15, believedAlive: 0, struck: 0, dead: 0 });
      expect(tagged(tag)).toEqual([]);
    },
  );
});

function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}

async function open(
  { worldHard, worldName }: Sandbox,
  { pidNamespace, without }: (typeof RUNGS)[number],
): Promise<OpenContainment> {
  const runnerScript = RUNNER_SCRIPT;
  return openContainment({ worldName, worldHard, without, pidNamespace, runnerScript });
}

/** An agent and a child that left its session, both deaf to TERM while they are stopped. */
async function startTwo(box: Sandbox, containment: OpenContainment) {
  const script = "use POSIX; if (!fork) { POSIX::setsid() } sleep 60";
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  const one = await prepare(box.directory, containment, argv);
  const { ended } = startRunner(one, containment);
  try {
    await until("both run", () => tagged(box.tag).length === 2);
  } catch (error) {
    await giveBack(containment, one.set);
    throw error;
  }
  return { ...one, ended, [Symbol.asyncDispose]: async () => giveBack(containment, one.set) };
}

async function giveBack(containment: OpenContainment, set: ProcessSet): Promise<void> {
  expect((await containment.kill(set, 5_000)).members).toEqual([]);
  await containment.remove(set);
  expect(await containment.removeRoots()).not.toContain("kept");
}

async function endAndProve(
  box: Sandbox,
  containment: OpenContainment,
  { ended, set }: Awaited<ReturnType<typeof startTwo>>,
): Promise<void> {
  expect((await containment.kill(set, 5_000)).members).toEqual([]);
  expect(tagged(box.tag)).toEqual([]);
  await ended;
}
