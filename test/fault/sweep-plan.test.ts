/** G5, G6: a plan is applied as it was shown or not at all, by whichever process, however often, and killed anywhere. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { markOptions } from "../../src/runner/mark-options.ts";
import type { SweepAnswer } from "../../src/contract/api.ts";
import { endChild, waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { identityOf, leavesOf, markedBy, sessionsOf } from "../helpers/fault-reckoning.ts";
import { makeStrays } from "../helpers/fault-scenarios.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { hardMarkOf, processOf } from "../helpers/os-look.ts";

const SLOT_0_SOFT = 400_000;

/** One process with the world's mark, in a slot that nobody holds. */
async function stray({ world }: FaultWorld, slot: number): Promise<ChildProcess> {
  const { mark, seal } = identityOf(world);
  const options = markOptions({ soft: SLOT_0_SOFT + 2 * slot, hard: mark, seal });
  const child = spawn("prlimit", [...options, "--", "sleep", "300"], { stdio: "ignore" });
  await waitFor("the stray", () => hardMarkOf(child.pid ?? 0) === mark || undefined);
  return child;
}

const isAlive = ({ pid }: ChildProcess): boolean => processOf(pid ?? 0)?.name === "sleep";

async function sweepOf(fault: FaultWorld, input: object): Promise<SweepAnswer> {
  return await fault.api<SweepAnswer>("/api/sweep", input);
}

/** The runner's record of the end. */
function recordOf(deployed: object): string {
  return join((deployed as { readonly workspace: string }).workspace, "exit.json");
}

/** `corral sweep` with no daemon. */
async function offline({ world }: FaultWorld, ...args: readonly string[]): Promise<SweepAnswer> {
  const { code, stdout, stderr } = await world.corral(["sweep", ...args, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as SweepAnswer;
}

/** Its tmux client ends with it, a moment later: a sweep that sees it still plans it, rightly. */
async function sigkill(daemon: FaultDaemon, { world }: FaultWorld): Promise<void> {
  daemon.child.kill("SIGKILL");
  await daemon.end;
  const identity = identityOf(world);
  await waitFor("the end of its tmux client", () =>
    markedBy(identity).some(({ name }) => name === "tmux: client") ? undefined : true,
  );
}

const outcomes = ({ steps }: SweepAnswer) =>
  steps.map(({ kind, outcome }) => `${kind} ${outcome}`).toSorted();

test("a plan is applied as it was shown: gone is changed, new is left for the next", async () => {
  await using fault = await makeFaultWorld();
  await fault.start();
  const children = [await stray(fault, 150_001), await stray(fault, 150_002)];
  const [dies, stays] = children;
  const plan = await sweepOf(fault, { apply: false });
  expect(outcomes(plan)).toEqual(["process planned", "process planned"]);
  expect((await sweepOf(fault, {})).plan_id).toBe(plan.plan_id);

  await endChild(dies!, 1_000, "SIGKILL");
  children.push(await stray(fault, 150_003));
  const applied = await sweepOf(fault, { apply: true, plan_id: plan.plan_id });
  expect(applied).toMatchObject({ plan_id: plan.plan_id, applied: true });
  expect(outcomes(applied)).toEqual(["process changed", "process released"]);
  expect([isAlive(stays!), isAlive(children[2]!)]).toEqual([false, true]);

  const again = await sweepOf(fault, { apply: true, plan_id: plan.plan_id });
  expect(outcomes(again)).toEqual(["process changed", "process changed"]);
  const next = await sweepOf(fault, {});
  expect(next.plan_id).not.toBe(plan.plan_id);
  await sweepOf(fault, { apply: true, plan_id: next.plan_id });
  expect(isAlive(children[2]!)).toBe(false);
  await expect(sweepOf(fault, { apply: true, plan_id: "plan-none" })).rejects.toThrow(
    /PLAN_NOT_FOUND/,
  );
});

test("a plan of a daemon is applied without it, and what ended since waits for the next", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const live = await fault.deploy(["/bin/sleep", "300"]);
  const ends = await fault.deploy(["/bin/sh", "-c", "while [ ! -e go ]; do sleep 0.02; done"]);
  const child = await stray(fault, 150_001);
  const { plan_id } = await sweepOf(fault, {});
  await sigkill(daemon, fault);
  mkdirSync(join(fault.project, "go"));
  await waitFor("its record", () => existsSync(recordOf(ends)) || undefined);

  const applied = await offline(fault, "--apply", "--plan", plan_id);
  expect(outcomes(applied)).toEqual(["process released"]);
  expect(isAlive(child)).toBe(false);
  const next = await offline(fault);
  expect(outcomes(next)).toEqual(["agent planned"]);
  expect(next.steps[0]?.locator).toBe(ends.agent_id);
  expect(outcomes(await offline(fault, "--apply", "--plan", next.plan_id))).toEqual([
    "agent released",
  ]);
  const none = await fault.world.corral(["sweep", "--apply", "--plan", "plan-none"]);
  expect({ code: none.code, said: none.stderr.includes("PLAN_NOT_FOUND") }).toEqual({
    code: 3,
    said: true,
  });
  await fault.start();
  const views = await fault.quiet();
  expect(new Map(views.map(({ agent_id, status }) => [agent_id, status]))).toEqual(
    new Map([
      [live.agent_id, "running"],
      [ends.agent_id, "completed"],
    ]),
  );
  expect(await lastComplaints(fault)).toEqual([]);
});

/** Each look that a sweep takes, and what it must not touch when that look fails. */
const LOOKS = [
  { point: "containment.lookEverywhere", spares: "process" },
  { point: "containment.isAlive", spares: "process" },
  { point: "host.list", spares: "tmux_session" },
  { point: "containment.identify", spares: "tmux_session" },
  { point: "containment.leaves", spares: "cgroup" },
] as const;

test.for(LOOKS)("a failed $point is unknown, never gone", async ({ point, spares }) => {
  await using fault = await makeFaultWorld();
  // No resync: the agent's own loop looks, too, and must not be the one that is struck.
  const daemon = await fault.start({ CORRAL_RESYNC_MS: "600000" });
  await fault.deploy(["/bin/sleep", "300"]);
  await makeStrays(fault);
  const before = remaining(fault);
  if (before[spares] === 0) return; // no control groups here
  const plan = await sweepOf(fault, {});
  const planned = plan.steps.filter(({ kind }) => kind === spares).length;
  expect(planned).toBeGreaterThan(0);
  // Each look of the kind: a timer of the daemon's may come to the first.
  const injection = {
    point,
    when: "before",
    nth: 1,
    times: 1e6,
    act: "throw",
    errno: "EIO",
  } as const;

  for (const input of [{}, { apply: true, plan_id: plan.plan_id }]) {
    await daemon.arm(injection);
    const answer = await sweepOf(fault, input);
    expect((await daemon.told()).hits).toBeGreaterThan(0);
    await daemon.arm(null);
    expect(answer.unknown.join()).toContain("EIO");
    const touched = answer.steps.filter(
      ({ kind, outcome }) => kind === spares && outcome !== "unknown",
    );
    expect(touched).toEqual([]);
    expect(remaining(fault)[spares]).toBe(before[spares]);
  }
  await sweepOf(fault, { apply: true });
  expect((await fault.agents()).map(({ status }) => status)).toEqual(["running"]);
  expect(await lastComplaints(fault)).toEqual([]);
});

test("files and records that cannot be looked at are unknown, never gone", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start({ CORRAL_RETENTION_MS: "1" });
  const { agent_id } = await fault.deploy(["/bin/true"]);
  await fault.api("/api/wait", { agent_ids: [agent_id], timeout_s: 20 });
  await sleep(5);
  const plan = await sweepOf(fault, {});
  const rows = plan.steps.length;
  expect(rows).toBeGreaterThan(1);
  await daemon.arm({
    point: "files.identityOf",
    when: "before",
    nth: 1,
    act: "throw",
    errno: "EIO",
  });
  const applied = await sweepOf(fault, { apply: true, plan_id: plan.plan_id });
  await daemon.arm(null);
  expect(applied.unknown).toHaveLength(1);
  const told = applied.steps.map(({ outcome }) => outcome).toSorted();
  expect(told).toEqual([...Array.from({ length: rows - 1 }, () => "released"), "unknown"]);
  expect(outcomes(await sweepOf(fault, { apply: true }))).toHaveLength(1);
  expect(await lastComplaints(fault)).toEqual([]);
});

test("an agent that cannot be looked at behind a dead daemon's back is unknown, and left alone", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const agent = await fault.deploy(["/bin/sh", "-c", "while [ ! -e go ]; do sleep 0.02; done"]);
  await sigkill(daemon, fault);
  mkdirSync(join(fault.project, "go"));
  const record = recordOf(agent);
  await waitFor("its record", () => existsSync(record) || undefined);
  execFileSync("mv", [record, `${record}.kept`]);
  mkdirSync(record); // not to be read: EISDIR
  const plan = await offline(fault);
  expect(plan.steps).toEqual([]);
  expect(plan.unknown.join()).toContain("EISDIR");
  execFileSync("sh", ["-c", 'rmdir "$1" && mv "$1.kept" "$1"', "sh", record]);
  expect(outcomes(await offline(fault, "--apply"))).not.toContain("agent unknown");
  await fault.start();
  expect((await fault.quiet()).map(({ status }) => status)).toEqual(["completed"]);
  expect(await lastComplaints(fault)).toEqual([]);
});

test(
  "sweeps at once, by a daemon and beside it, killed anywhere: every stray goes, nothing else does",
  { timeout: 240_000 },
  async () => {
    await using fault = await makeFaultWorld();
    let daemon = await fault.start();
    const live = await fault.deploy(["/bin/sleep", "300"]);
    const bystanders = [1, 2, 3].map(() => spawn("sleep", ["300"], { stdio: "ignore" }));
    const strays: ChildProcess[] = [];
    try {
      for (let round = 0; round < 6; round += 1) {
        await makeStrays(fault);
        strays.push(await stray(fault, 151_000 + round));
        const { plan_id } = await sweepOf(fault, {});
        const apply = { apply: true, plan_id };
        const asked = Promise.allSettled([
          sweepOf(fault, apply),
          sweepOf(fault, { apply: true }),
          sweepOf(fault, {}),
        ]);
        await sleep(round * 3);
        await sigkill(daemon, fault);
        await asked;
        // With the daemon dead: three processes want the state directory, and each dies somewhere.
        const lives = [150 + round * 40, 260 + round * 40, 370 + round * 40];
        await Promise.all(
          lives.map((timeoutMs, index) => {
            const plan = index === 0 ? ["--plan", plan_id] : [];
            return fault.world.corral(["sweep", "--apply", ...plan], { timeoutMs });
          }),
        );
        daemon = await fault.start();
      }
      await sweepOf(fault, { apply: true });
      expect(strays.filter(isAlive)).toEqual([]);
      expect(remaining(fault)).toEqual({ process: 0, tmux_session: 0, cgroup: 0 });
      expect(bystanders.every(isAlive)).toBe(true);
      const views = await fault.quiet();
      expect(views.map(({ agent_id, status }) => [agent_id, status])).toEqual([
        [live.agent_id, "running"],
      ]);
      expect(await lastComplaints(fault)).toEqual([]);
      expect(outcomes(await sweepOf(fault, {}))).toEqual([]);
    } finally {
      await Promise.all([...bystanders, ...strays].map((one) => endChild(one, 1_000, "SIGKILL")));
    }
  },
);

/** What is there and nobody's: slots above 149 999 are no agent's here. */
function remaining({ world }: FaultWorld) {
  const identity = identityOf(world);
  return {
    process: markedBy(identity).filter(({ soft }) => soft >= SLOT_0_SOFT + 300_000).length,
    tmux_session: sessionsOf(world).filter((session) => session === "stray").length,
    cgroup: leavesOf(identity.name).filter((path) => path.includes("stray-")).length,
  };
}
