/** The runner alone, without a daemon, on every rung: what it records and what it clears. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../src/adapters/containment/open-containment.ts";
import { markOptions } from "../../src/runner/mark-options.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import { SEAL } from "../../src/kernel/watermark.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../fixtures/agents/run-agent.ts";
import { IS_ROOT, sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { tagged, until } from "../fixtures/agents/tagged.ts";

const NO_GROUPS = ["cgroup2", "freezer"] as const;
const RUNGS = [
  { level: "cgroup2+watermark", without: [], pidNamespace: false },
  { level: "freezer+watermark", without: ["cgroup2"], pidNamespace: false },
  { level: "freezer", without: ["cgroup2", "watermark"], pidNamespace: false },
  { level: "pidns+watermark", without: NO_GROUPS, pidNamespace: true },
  { level: "watermark", without: NO_GROUPS, pidNamespace: false },
] as const;
type Rung = (typeof RUNGS)[number];

/** Leaves a daemon behind that heeds no signal, and ends well once it has begun. */
const LEAVES_DAEMON = `use POSIX; pipe(R, W); if (!fork) { POSIX::setsid();
  $SIG{$_} = "IGNORE" for qw(TERM HUP INT QUIT); close R; print W 1; close W; sleep 60 }
  close W; <R>; exit 3`;

async function open(
  { worldHard, worldName, ...box }: Sandbox,
  rung: Rung,
  worldSeal: number | null = box.worldSeal,
): Promise<OpenContainment> {
  const { pidNamespace, without } = rung;
  const runnerScript = RUNNER_SCRIPT;
  return openContainment({
    worldName,
    worldHard,
    worldSeal,
    without,
    pidNamespace,
    runnerScript,
  });
}

async function agent(box: Sandbox, containment: OpenContainment, script: string) {
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  const one = await prepare(box.directory, containment, argv);
  return { ...one, [Symbol.asyncDispose]: async () => giveBack(containment, one) };
}

/** However the test ended: nothing is left, and the containment's own looks prove it. */
async function giveBack(containment: OpenContainment, { set }: Prepared): Promise<void> {
  expect((await containment.kill(set, 5_000)).members).toEqual([]);
  await containment.remove(set);
  expect(await containment.removeRoots()).not.toContain("kept");
}

describe.runIf(process.platform === "linux")("the runner alone", () => {
  test.for(RUNGS)("clears what an agent leaves, by $level", async (rung, { skip }) => {
    using box = sandbox();
    const containment = await open(box, rung);
    if (containment.describe() !== rung.level) skip(`here it is ${containment.describe()}`);
    await using one = await agent(box, containment, LEAVES_DAEMON);
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ code: 3, signal: null });
    expect(tagged(box.tag)).toEqual([]);
    expect((await containment.look(one.set)).members).toEqual([]);
  });

  test.for([
    ["of a world with a seal", true],
    ["of one of before there were seals", false],
  ] as const)(
    "%s, by the mark alone, leaves whom another world with the same pair has",
    async ([, isSealed], { skip }) => {
      using box = sandbox();
      const containment = await open(box, RUNGS[4], isSealed ? box.worldSeal : null);
      if (containment.describe() !== "watermark") skip(`here it is ${containment.describe()}`);
      await using one = await agent(box, containment, LEAVES_DAEMON);
      const { soft, hard } = one.set.mark ?? { soft: 0, hard: 0 };
      // Without a seal on either side they would be one world.
      const others = [box.worldSeal + 1, ...(isSealed ? [null] : [SEAL.min, SEAL.max])];
      const theirs = others.map((seal) => {
        const options = markOptions({ soft, hard, seal });
        const words = [...options, "--", "/usr/bin/perl", "-e", "sleep 60", box.tag];
        return spawn(containment.prlimit ?? "", words, { stdio: "ignore" });
      });
      await until("they run", () => tagged(box.tag).length === theirs.length);
      await startRunner(one, containment).ended;
      expect(exitOf(one.directory)).toMatchObject({ code: 3, signal: null });
      expect(new Set(tagged(box.tag))).toEqual(new Set(theirs.map(({ pid }) => pid)));
      for (const child of theirs) {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
    },
  );

  test.runIf(IS_ROOT)("clears what sits in a group below a freezer's", async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box, RUNGS[2]);
    if (containment.describe() !== "freezer") skip("needs a v1 freezer");
    const { freezer } = containment.plan("test-000000-000001", 1);
    const below = join(freezer ?? "", "below");
    const script = `mkdir "${below}"; ${LEAVES_DAEMON.replace(
      "POSIX::setsid();",
      `POSIX::setsid(); open F, ">${below}/cgroup.procs"; print F $$; close F;`,
    )}`;
    await using one = await agent(box, containment, script);
    mkdirSync(below);
    await startRunner(one, containment).ended;
    expect(tagged(box.tag)).toEqual([]);
  });

  test.for([
    { script: "exit 0", code: 0, signal: null },
    { script: "exit 143", code: 143, signal: null },
    { script: "kill KILL => $$; sleep 9", code: null, signal: "SIGKILL" },
    { script: "kill TERM => $$; sleep 9", code: null, signal: "SIGTERM" },
  ])("records `$script` through a PID namespace", async ({ script, ...end }, { skip }) => {
    using box = sandbox();
    const containment = await open(box, RUNGS[3]);
    if (containment.describe() !== "pidns+watermark") skip("no PID namespaces here");
    await using one = await agent(box, containment, script);
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject(end);
  });

  test("an agent in a PID namespace sees its own processes only, and heeds TERM", async ({
    skip,
  }) => {
    using box = sandbox();
    const containment = await open(box, RUNGS[3]);
    if (containment.describe() !== "pidns+watermark") skip("no PID namespaces here");
    const script = '$| = 1; opendir D, "/proc"; print scalar(grep /^\\d+$/, readdir D); sleep 60';
    await using one = await agent(box, containment, script);
    const { ended } = startRunner(one, containment);
    const stream = join(one.directory, "stream.jsonl");
    await until("it has looked", () => existsSync(stream) && readFileSync(stream, "latin1") !== "");
    expect(Number(readFileSync(stream, "latin1"))).toBeLessThanOrEqual(3); // init, shell, agent
    const seen = await containment.look(one.set);
    expect(seen).toMatchObject({ witnesses: ["pidns", "watermark"], mismatch: [] });
    await containment.signal(one.set, "SIGTERM");
    await ended;
    expect(exitOf(one.directory)).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(tagged(box.tag)).toEqual([]);
  });

  test("who lowers its mark in a PID namespace is a mismatch, and killed", async ({ skip }) => {
    using box = sandbox();
    const containment = await open(box, RUNGS[3]);
    if (containment.describe() !== "pidns+watermark") skip("no PID namespaces here");
    const script = 'exec "prlimit", "--msgqueue=5000:5000", "--", "perl", "-e", "sleep 60", @ARGV';
    await using one = await agent(box, containment, script);
    const { ended } = startRunner(one, containment);
    await until("it sleeps", () =>
      tagged(box.tag).some((pid) =>
        /msgqueue size +5000/.test(readFileSync(`/proc/${pid}/limits`, "latin1")),
      ),
    );
    const seen = await containment.look(one.set);
    expect(seen.mismatch.map(({ pid }) => pid)).toEqual(tagged(box.tag));
    expect((await containment.kill(one.set, 5_000)).members).toEqual([]);
    expect(tagged(box.tag)).toEqual([]);
    await ended;
  });
});
