/**
 * The containment contract, over real processes. The hydra is killed by every rung of the
 * ladder, as root and as an ordinary user; bystanders are counted before and after.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  openContainment,
  type Refusable,
} from "../../src/adapters/containment/open-containment.ts";
import { isHardBorne } from "../../src/adapters/proc/mark-scan.ts";
import { markOptions } from "../../src/runner/mark-options.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import type { ProcessSet } from "../../src/supervision/ports.ts";
import { IS_ROOT, KILL_HYDRA, sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { tagged, until } from "../fixtures/agents/tagged.ts";

const NO_GROUPS: readonly Refusable[] = ["cgroup2", "freezer"];

const RUNGS = [
  { as: "root", level: "cgroup2+watermark", without: [] },
  { as: "root", level: "freezer+watermark", without: ["cgroup2"] },
  { as: "root", level: "freezer", without: ["cgroup2", "watermark"] },
  { as: "root", level: "pidns+watermark", without: NO_GROUPS, pidNamespace: true },
  { as: "root", level: "cgroup2+pidns+watermark", without: [], pidNamespace: true },
  { as: "root", level: "watermark", without: NO_GROUPS },
  { as: "user", level: "cgroup2+watermark", without: [], delegated: "cgroup2" },
  { as: "user", level: "freezer+watermark", without: [], delegated: "freezer" },
  { as: "user", level: "pidns+watermark", without: [], pidNamespace: true },
  { as: "user", level: "watermark", without: [] },
] as const;

// "hop" is "still" with fork chains beside it; as a user both are tried, as root the harder one.
const CASES = ["still", "hop"].flatMap((mode) =>
  RUNGS.filter(({ as }) => as === "user" || mode === "hop").map((rung) =>
    Object.assign({ mode }, rung),
  ),
);

describe.runIf(process.platform === "linux" && IS_ROOT)("a hydra", () => {
  test.for(CASES)(
    "is killed to the last head by $level as $as ($mode)",
    { timeout: 60_000 },
    async ({ as, level, without, mode, ...rung }) => {
      using box = sandbox();
      const pidNamespace = "pidNamespace" in rung;
      const request = { ...pick(box), without, pidNamespace, mode };
      const stdout = await box.run([process.execPath, KILL_HYDRA, JSON.stringify(request)], {
        asUser: as === "user",
        delegated: "delegated" in rung ? rung.delegated : "none",
      });
      const seen = JSON.parse(stdout);
      expect(seen).toMatchObject({ level, after: [], survivors: 0, mismatch: [], left: [] });
      expect(seen).toMatchObject({ strangers: 0, started: true, uid: as === "root" ? 0 : 65_534 });
      expect(seen.witnesses).toEqual(level.split("+"));
      expect(seen.seen).toBeGreaterThanOrEqual(14);
      expect(seen.termed).toBeGreaterThanOrEqual(14);
      expect(tagged(box.tag)).toEqual([]);
    },
  );
});

describe.runIf(process.platform === "linux")("containment", () => {
  test("never touches a process without the mark, or with another world's", async () => {
    using box = sandbox();
    const containment = await open(box);
    const set = containment.plan("mine-000000-000001", 3);
    await containment.make(set, 20);
    const { soft, hard } = set.mark ?? { soft: 0, hard: 0 };
    const seal = box.worldSeal;
    const others = [
      { soft, hard: hard - 1, seal },
      { soft, hard, seal: seal - 1 },
      { soft, hard },
    ];
    const bystanders = [
      start(box.tag, set, null),
      ...others.map((mark) => start(box.tag, { ...set, mark }, containment.prlimit)),
    ];
    const mine = start(box.tag, set, containment.prlimit);
    await until("all five run", () => tagged(box.tag).length === 5);
    await until("mine is marked", () => containment.identify(mine.pid ?? 0) !== null);

    const ended = once(mine, "exit");
    expect((await containment.kill(set, 5_000)).members).toEqual([]);
    expect((await ended)[1]).toBe("SIGKILL");
    expect(bystanders.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual(
      bystanders.map(() => null),
    );
    expect(await containment.lookEverywhere()).toEqual([]);

    for (const one of bystanders) await endOwn(one);
    await containment.remove(set);
    expect(await containment.removeRoots()).not.toContain("kept");
    expect(tagged(box.tag)).toEqual([]);
  });

  test("does not signal a pid whose start time is another's", async () => {
    using box = sandbox();
    const containment = await open(box);
    const set = containment.plan("mine-000000-000002", 4);
    const child = start(box.tag, set, containment.prlimit);
    await until("it is marked", () => isListed(box.tag));
    const pid = child.pid ?? 0;
    const identity = containment.identify(pid);
    const mark = set.mark ?? { soft: 0, hard: 0 };
    if (identity === null) throw new Error("it is gone");

    const wrong = { pid, startTicks: identity.startTicks - 1 };
    expect(containment.isAlive(wrong)).toBe(false);
    expect(containment.killOne(wrong, mark)).toBe(false);
    expect(containment.killOne(identity, { ...mark, soft: mark.soft + 2 })).toBe(false);
    expect(containment.killOne(identity, { ...mark, seal: box.worldSeal + 1 })).toBe(false);
    expect(containment.killOne(identity, { ...mark, seal: null })).toBe(false);
    const later = { ...set, notBeforeTicks: identity.startTicks + 1 };
    expect((await containment.kill(later, 200)).members).toEqual([]);
    const lastBoot = { ...set, bootId: "another boot" };
    expect(await containment.kill(lastBoot, 200)).toMatchObject({ members: [] });
    expect(child.exitCode ?? child.signalCode).toBe(null);

    const ended = once(child, "exit");
    expect(containment.killOne(identity, mark)).toBe(true);
    await ended;
    expect(containment.isAlive(identity)).toBe(false);
    expect(containment.killOne(identity, mark)).toBe(false);
  });

  test("never signals itself, those above it, or whom it was told to protect", async () => {
    using box = sandbox();
    const spared: number[] = [];
    const containment = await open(box, { protect: () => spared });
    const set = containment.plan("mine-000000-000003", 5);
    const child = start(box.tag, set, containment.prlimit);
    await until("it is marked", () => isListed(box.tag));
    spared.push(child.pid ?? 0);
    expect((await containment.kill(set, 200)).members).toEqual([]);
    expect(await containment.signal(set, "SIGTERM")).toBe(0);
    expect(child.exitCode ?? child.signalCode).toBe(null);
    await endOwn(child);
  });

  test("names a process that only one witness sees", async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box);
    if (containment.describe() !== "cgroup2+watermark") skip("needs both witnesses");
    const set = containment.plan("mine-000000-000004", 6);
    await containment.make(set, 20);
    const child = start(box.tag, set, containment.prlimit); // marked, but never in the group
    await until("it is marked", () => isListed(box.tag));
    const seen = await containment.look(set);
    expect(seen.members.map(({ pid }) => pid)).toEqual([child.pid]);
    expect(seen.mismatch.map(({ pid }) => pid)).toEqual([child.pid]);
    const ended = once(child, "exit");
    expect((await containment.kill(set, 5_000)).members).toEqual([]);
    await ended;
    await containment.remove(set);
    await containment.removeRoots();
  });

  test("knows a mark that somebody bears, so that no other world draws it", async () => {
    using box = sandbox();
    const containment = await open(box);
    const set = containment.plan("mine-000000-000009", 9);
    expect(isHardBorne(box.worldHard)).toBe(false);
    const child = start(box.tag, set, containment.prlimit);
    await until("it is marked", () => isListed(box.tag));
    expect(isHardBorne(box.worldHard)).toBe(true);
    await endOwn(child);
  });

  test("makes and removes twice, and removes nothing that is not an agent's", async () => {
    using box = sandbox();
    const containment = await open(box);
    const set = containment.plan("mine-000000-000005", 8);
    await containment.make(set, 20);
    expect(await containment.make(set, 20)).toEqual(await containment.make(set, 20));
    expect((await containment.leaves()).map(({ agentId }) => agentId)).toContain(set.agentId);
    if (set.cgroup !== null) mkdirSync(join(set.cgroup, "made-by-the-agent"));
    await containment.remove(set);
    await containment.remove(set);
    expect(
      [set.cgroup, set.pidsCgroup].filter((path) => path !== null && existsSync(path)),
    ).toEqual([]);
    const foreign = { ...set, cgroup: box.directory };
    await expect(containment.remove(foreign)).rejects.toThrow(RangeError);
    expect(existsSync(box.directory)).toBe(true);
    expect(await containment.removeRoots()).not.toContain("kept");
    expect(await containment.leaves()).toEqual([]);
  });

  test("sees who has moved into a group that the agent made below its own", async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box);
    const set = containment.plan("mine-000000-000011", 11);
    if (set.cgroup === null) skip("needs cgroup v2");
    await containment.make(set, 20);
    // Without a mark: only its group tells whose it is.
    const child = start(box.tag, { ...set, mark: null }, containment.prlimit);
    try {
      await until("it runs", () => isListed(box.tag));
      const below = join(set.cgroup!, "one", "two");
      mkdirSync(below, { recursive: true });
      writeFileSync(join(below, "cgroup.procs"), String(child.pid));
      const all = await containment.lookEverywhere();
      expect(all.find(({ pid }) => pid === child.pid)?.cgroupAgentId).toBe(set.agentId);
      expect((await containment.look(set)).members.map(({ pid }) => pid)).toContain(child.pid);
    } finally {
      await endOwn(child);
      await containment.remove(set);
      await containment.removeRoots();
    }
  });

  test.for<readonly [string, readonly Refusable[]]>([
    ["cgroup v2", []],
    ["the freezer", ["cgroup2"]],
    ["the mark alone", NO_GROUPS],
  ])("leaves out whom all witnesses give to a known set: %s", async ([, without], { skip }) => {
    using box = sandbox();
    const containment = await open(box, { without });
    const [known, other] = [12, 13].map((slot) =>
      containment.plan(`mine-000000-0000${slot}`, slot),
    );
    const isHeld = (known!.cgroup ?? known!.freezer ?? null) !== null;
    if (known!.mark === null || isHeld !== (without !== NO_GROUPS)) skip("not to be had here");
    for (const set of [known, other]) await containment.make(set!, 20);
    const { infrastructure, prlimit } = containment;
    // Whose mark each bears, and in whose group it sits.
    const processes = {
      own: [known!.mark, known],
      other: [other!.mark, other],
      left: [known!.mark, null],
      renamed: [other!.mark, known],
      disguised: [infrastructure, known],
      infrastructure: [infrastructure, null],
      unmarked: [null, known],
    } as const;
    const children = Object.entries(processes).map(([name, [mark, holder]]) => {
      const child = start(box.tag, { ...known!, mark }, prlimit);
      const group = holder?.cgroup ?? holder?.freezer ?? null;
      if (group !== null) writeFileSync(join(group, "cgroup.procs"), String(child.pid));
      return { name, child };
    });
    const names = new Map(children.map(({ child, name }) => [child.pid, name]));
    const all = Object.keys(processes).filter((name) => isHeld || name !== "unmarked");
    const theirs = ["own", ...(isHeld ? [] : ["left"])];
    const seenBut = async (...sets: readonly ProcessSet[]): Promise<ReadonlySet<unknown>> =>
      new Set((await containment.lookEverywhere(sets)).map(({ pid }) => names.get(pid)));
    try {
      await until("all run", () => tagged(box.tag).length === children.length);
      expect(await seenBut()).toEqual(new Set(all));
      expect(await seenBut(known!)).toEqual(new Set(all).difference(new Set(theirs)));
      expect(await seenBut({ ...known!, bootId: "another boot's" })).toEqual(new Set(all));
      expect(await seenBut({ ...known!, mark: null })).toEqual(new Set(all));
    } finally {
      for (const { child } of children) await endOwn(child);
      for (const set of [known, other]) await containment.remove(set!);
      await containment.removeRoots();
    }
  });

  test("removes a root that an earlier daemon of its world made elsewhere, once it is empty", async ({
    skip,
  }) => {
    using box = sandbox();
    const containment = await open(box);
    const [root] = containment.roots();
    if (root === undefined) skip("needs a control group");
    const elsewhere = join(`${root}-elsewhere`, `corral-${box.worldName}`);
    mkdirSync(join(elsewhere, "agent"), { recursive: true });
    expect(await containment.removeRoot(elsewhere)).toBe(false);
    rmdirSync(join(elsewhere, "agent"));
    expect(await containment.removeRoot(elsewhere)).toBe(true);
    expect(await containment.removeRoot(elsewhere)).toBe(true);
    await expect(containment.removeRoot(`${root}-elsewhere`)).rejects.toThrow(RangeError);
    expect(existsSync(`${root}-elsewhere`)).toBe(true);
    rmdirSync(`${root}-elsewhere`);
  });

  test("tells agents from infrastructure, and gives every slot its own mark", async () => {
    using box = sandbox();
    const containment = await open(box);
    const slots = [0, 1, 189_999];
    const softs = slots.map((slot) => containment.plan("a-000000-000006", slot).mark?.soft);
    expect(new Set(softs).size).toBe(slots.length);
    expect(softs).not.toContain(containment.infrastructure?.soft);
    expect(() => containment.plan("a-000000-000006", 190_000)).toThrow(RangeError);
    const set = containment.plan("a-000000-000006", 189_999);
    const children = [
      start(box.tag, set, containment.prlimit),
      start(box.tag, { ...set, mark: containment.infrastructure }, containment.prlimit),
    ];
    await until("both run", () => tagged(box.tag).length === 2);
    const seen = await containment.lookEverywhere();
    expect(new Map(seen.map(({ pid, slot }) => [pid, slot]))).toEqual(
      new Map([
        [children[0]?.pid, 189_999],
        [children[1]?.pid, null],
      ]),
    );
    for (const child of children) await endOwn(child);
  });
});

function pick({ directory, tag, worldName, worldHard, worldSeal }: Sandbox) {
  return { directory, tag, worldName, worldHard, worldSeal };
}

async function open(box: Sandbox, more: Partial<Parameters<typeof openContainment>[0]> = {}) {
  const { worldHard, worldName, worldSeal } = box;
  const runnerScript = RUNNER_SCRIPT;
  return openContainment({ worldName, worldHard, worldSeal, runnerScript, ...more });
}

/** A sleeper that bears a set's mark; the tag shows up in argv only after prlimit's exec. */
function start(tag: string, { mark }: ProcessSet, prlimit: string | null) {
  const sleeper = ["/usr/bin/perl", "-e", "sleep 60", tag];
  const before = mark === null || prlimit === null ? [] : [prlimit, ...markOptions(mark), "--"];
  const [program = "", ...args] = [...before, ...sleeper];
  return spawn(program, args, { stdio: "ignore" });
}

/** True when a sleeper is past prlimit and hence bears its mark. */
function isListed(tag: string): boolean {
  return tagged(tag).length > 0;
}

async function endOwn(child: ReturnType<typeof spawn>): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
