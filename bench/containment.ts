/**
 * What it costs to end a hydra on each rung of the ladder, and to look through a full machine.
 *
 *   node bench/containment.ts [runs]
 *
 * Prints a Markdown table. The hydra is the tests' own: 14 processes in every kind of hiding,
 * deaf to all signals, and two chains of forks beside them. Survivors are counted by argv, which
 * no rung looks at. The crowds are finite, forked by one process of ours, and ended as its group.
 * Beside them, in the same run and the same crowd, the usual ways of ending a tree; theirs has no
 * fork chains, because none of them would end those. The walk over parents is written as npm
 * tree-kill does it (one snapshot, children before parents) and is not that package.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  openContainment,
  type OpenContainment,
  type Refusable,
} from "../src/adapters/containment/open-containment.ts";
import { launchScript } from "../src/runner/launch-script.ts";
import { RUNNER_SCRIPT } from "../src/runner/runner-script.ts";
import { grown, headsOf } from "../test/leaks/heads.ts";
import { endTagged, RIVALS, startTree } from "../test/leaks/rivals.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const RUNS = Number(process.argv[2] ?? 30);
const BYSTANDERS = 500;
const CROWD = 2_000;
const HEADS = 15;
/** Without the fork chains, which none of the usual ways ends. */
const STILL_HEADS = 14;
/** What a rival has signalled gets this long to be gone. */
const RIVAL_REST_MS = 100;
const HYDRA = join(import.meta.dirname, "../test/fixtures/agents/hydra.pl");
const WORLD = {
  worldName: `bench-${process.pid}`,
  worldHard: 781_234,
  runnerScript: RUNNER_SCRIPT,
};
/** Forks that many sleepers, says so, and leads their group. */
const FORK =
  "$| = 1; for (1..$ARGV[0]) { if (!fork) { close STDOUT; sleep 600; exit } } print 1; sleep 600";
const NO_GROUPS: readonly Refusable[] = ["cgroup2", "freezer"];

const RUNGS: readonly { without: readonly Refusable[]; pidNamespace: boolean }[] = [
  { without: [], pidNamespace: false },
  { without: ["cgroup2"], pidNamespace: false },
  { without: NO_GROUPS, pidNamespace: true },
  { without: NO_GROUPS, pidNamespace: false },
];

const root = mkdtempSync("/tmp/corral-bench-");
const rows: Row[] = [];
const crowds: ChildProcess[] = [];

function row(what: string, unit: string, goal: string, sample: readonly number[]): void {
  rows.push({ what, unit, goal, figures: figuresOf(sample) });
}

async function crowdOf(count: number, before: readonly string[] = []): Promise<ChildProcess> {
  const [program, ...args] = [...before, "/usr/bin/perl", "-e", FORK, String(count)] as const;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  crowds.push(child);
  await once(child.stdout, "data");
  return child;
}

async function disperse(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  process.kill(-(child.pid ?? 0), "SIGKILL"); // detached: it leads a group of its own
  await gone;
}

/** Grows a hydra, kills it, and says how long that took and how many heads were left. */
async function fight(
  containment: OpenContainment,
  index: number,
): Promise<{ readonly ms: number; readonly survivors: number }> {
  const tag = `bench-${process.pid}-${index}`;
  const set = containment.plan(`hydra-000000-${String(index).padStart(6, "0")}`, index);
  const directory = join(root, tag);
  mkdirSync(directory);
  await containment.make(set, 120);
  const text = launchScript({
    directory,
    agentId: set.agentId,
    bellDirectory: root,
    cwd: directory,
    argv: ["/usr/bin/perl", HYDRA, tag, "hop"],
    env: { PATH: "/usr/bin:/bin" },
    stdinPath: null,
    set,
    prlimit: containment.prlimit,
    ...containment.rlimitsFor(set, 120),
    wallClockS: null,
  });
  writeFileSync(join(directory, "launch.sh"), text);
  const options = { detached: true, stdio: "ignore" } as const;
  const child = spawn("/bin/sh", [join(directory, "launch.sh")], options);
  const gone = once(child, "exit");
  try {
    await grown(tag, HEADS);
    const from = performance.now();
    await containment.kill(set, 10_000);
    const ms = performance.now() - from;
    return { ms, survivors: headsOf(tag).length };
  } finally {
    await containment.kill(set, 10_000);
    await gone;
    await containment.remove(set);
  }
}

async function fights(): Promise<void> {
  const crowd = await crowdOf(BYSTANDERS);
  let index = 0;
  for (const rung of RUNGS) {
    const containment = await openContainment({ ...WORLD, ...rung });
    const times: number[] = [];
    const survivors: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const fought = await fight(containment, (index += 1));
      times.push(fought.ms);
      survivors.push(fought.survivors);
    }
    const beside = `with ${BYSTANDERS} others`;
    row(
      `hydra and fork chains, kill → empty twice, ${containment.describe()}, ${beside}`,
      "ms",
      "≤ 250",
      times,
    );
    row(`– survivors, ${containment.describe()}`, "heads", "0", survivors);
    await containment.removeRoots();
  }
  await rivals();
  await disperse(crowd);
}

/** The usual ways: what each needs for itself, and whom it leaves alive a moment later. */
async function rivals(): Promise<void> {
  for (const { name, end } of RIVALS) {
    const times: number[] = [];
    const survivors: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const tag = `rival-${process.pid}-${times.length}-${name.length}`;
      await using tree = await startTree(HYDRA, tag);
      try {
        await grown(tag, STILL_HEADS);
        const from = performance.now();
        await end(tree);
        times.push(performance.now() - from);
        await new Promise((resolve) => setTimeout(resolve, RIVAL_REST_MS));
        survivors.push(headsOf(tag).length);
      } finally {
        await endTagged(tag);
      }
    }
    row(`beside it: ${name}, its own time`, "ms", "–", times);
    row(`– survivors of 14, ${name}`, "heads", "–", survivors);
  }
}

/** Times a look, and how long it held the event loop at the most. */
async function looks(what: string, look: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const held: number[] = [];
  const busy: number[] = [];
  await look();
  for (let run = 0; run < RUNS; run += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((resolve) => setTimeout(resolve, 10));
    delay.reset();
    const before = process.cpuUsage();
    const from = performance.now();
    await look();
    times.push(performance.now() - from);
    const { user, system } = process.cpuUsage(before);
    busy.push((user + system) / 1e3);
    await new Promise((resolve) => setTimeout(resolve, 3));
    delay.disable();
    held.push(delay.max / 1e6);
  }
  row(what, "ms", "≤ 100", times);
  row("– its processor time, which others' load does not stretch", "ms", "–", busy);
  row("– longest the event loop was held (a 1 ms timer's lateness)", "ms", "≤ 20", held);
}

async function crowdedLooks(): Promise<void> {
  const containment = await openContainment(WORLD);
  const set = containment.plan("look-000000-000001", 1);
  const unmarked = await crowdOf(CROWD);
  await looks(`look at one agent among ${CROWD} others`, () => containment.look(set));
  await looks(`look for strays among ${CROWD} others`, () => containment.lookEverywhere());
  await disperse(unmarked);
  if (containment.prlimit === null || set.mark === null) return;
  const option = `--msgqueue=${set.mark.soft}:${set.mark.hard}`;
  const marked = await crowdOf(CROWD, [containment.prlimit, option, "--"]);
  await looks(`look for strays, ${CROWD} of ours`, () => containment.lookEverywhere());
  await disperse(marked);
}

try {
  await fights();
  await crowdedLooks();
  process.stdout.write(
    `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, ${RUNS} runs\n\n${tableOf(rows)}\n`,
  );
} finally {
  for (const crowd of crowds) await disperse(crowd);
  rmSync(root, { recursive: true, force: true });
}
