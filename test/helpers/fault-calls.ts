/**
 * Rounds below the program: a process of Corral dies, or its call fails, at one system call after the
 * other (see {@link trace}). The calls are numbered by recording a scenario once; then each round strikes one.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, FAULT_CODES, type FaultWire } from "../../src/kernel/fault.ts";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "./daemon-process.ts";
import { alive, lastComplaints, reckon } from "./fault-rounds.ts";
import { killAll, type Scenario } from "./fault-scenarios.ts";
import type { FaultDaemon, FaultWorld } from "./fault-world.ts";
import { type Call, type Fate, readTrace, trace, tracedFromBirth } from "./tracer.ts";

/** Calls that change a file, a store, a process or a connection. Dying between two of them is what may leak. */
export const CHANGING: readonly string[] = [
  "chmod",
  "clone",
  "clone3",
  "fallocate",
  "fdatasync",
  "fsync",
  "ftruncate",
  "inotify_add_watch",
  "kill",
  "link",
  "mkdir",
  "pwrite64",
  "rename",
  "renameat2",
  "rmdir",
  "symlink",
  "unlink",
  "unlinkat",
  "vfork",
  "write",
];

/** Waits for an event: dying here is dying while something else is at work. */
const WAITING = ["epoll_pwait", "epoll_wait"] as const;

export const MORTAL: readonly string[] = [...CHANGING, ...WAITING];

/** What the kernel may answer to each kind. A `write` is left out: our own logs and sockets are written so, too. */
export const FAILING: readonly (readonly [string, Fate])[] = [
  ["mkdir", "ENOSPC"],
  ["mkdir", "EACCES"],
  ["symlink", "ENOSPC"],
  ["openat", "EMFILE"],
  ["openat", "EACCES"],
  ["openat", "EIO"],
  ["pwrite64", "ENOSPC"],
  ["pwrite64", "EIO"],
  ["fsync", "EIO"],
  ["ftruncate", "EIO"],
  ["unlink", "EACCES"],
  ["rmdir", "EACCES"],
  ["rename", "EIO"],
  ["clone", "EAGAIN"],
  ["clone3", "EAGAIN"],
  ["vfork", "EAGAIN"],
];

/** How long a process that has gone through a scenario may still come to a late call. */
const LATE_MS = 1_200;

export interface CallReport {
  /** Calls that were struck. */
  readonly struck: number;
  /** Calls that did not come again; numbers differ a little from time to time. */
  readonly missed: number;
  /** `kind:nth: what is wrong`. */
  readonly wrong: readonly string[];
}

/** Of each kind the first, the last and every `every`-th between, in the order in which they came. */
export function sampleOf(calls: readonly Call[], every: number): readonly Call[] {
  const last = new Map(calls.map(({ kind, nth }) => [kind, nth]));
  return calls.filter(
    ({ kind, nth }) => nth === 1 || nth === last.get(kind) || (nth - 1) % every === 0,
  );
}

/** Goes through a scenario once. @returns the calls of these kinds that the daemon made. */
export async function recordCalls(
  fault: FaultWorld,
  daemon: FaultDaemon,
  { prepare, run, leaves }: Scenario,
  kinds: readonly string[],
): Promise<readonly Call[]> {
  await prepare?.(fault);
  const tracer = await trace(daemon.pid, kinds);
  await run(fault);
  if (leaves === true) await daemon.end;
  else await fault.quiet();
  return await tracer.leave();
}

/** The daemon dies at each of a sample of its calls in a scenario; the next one accounts for everything. */
export async function dieAtCalls(
  fault: FaultWorld,
  scenario: Scenario,
  every: number,
): Promise<CallReport> {
  await fillCaches(fault);
  let daemon = await fault.start();
  const calls = sampleOf(await recordCalls(fault, daemon, scenario, MORTAL), every);
  const known = new Set<string>();
  const wrong: string[] = [];
  let missed = 0;
  for (const call of calls) {
    daemon = await alive(fault, daemon);
    await scenario.prepare?.(fault);
    const tracer = await trace(daemon.pid, [call.kind], { at: call, is: "SIGKILL" });
    await scenario.run(fault).catch(() => undefined);
    const end = await Promise.race([daemon.end, sleep(LATE_MS)]);
    await tracer.leave();
    if (end?.signal !== "SIGKILL") missed += 1;
    daemon = await alive(fault, daemon);
    const seen = await reckon(fault, scenario, known);
    wrong.push(...seen.map((what) => `${nameOf(call)}: ${what}`));
  }
  daemon = await alive(fault, daemon);
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains().map((what) => `after down: ${what}`));
  return { struck: calls.length - missed, missed, wrong };
}

/** What a start meets: one agent that lives, and one that ended while no daemon was there. */
const BOOT: Scenario = { name: "boot", keeps: true, run: async () => undefined };
/** A start that its call does not come by is told to leave after that long. */
const BOOTED_MS = 4_000;

/** The daemon dies at each of a sample of the calls of its own start; the next one accounts for everything. */
export async function dieAtBootCalls(fault: FaultWorld, every: number): Promise<CallReport> {
  const file = join(fault.world.folder, "calls");
  await fillCaches(fault);
  await leaveAgents(fault, await fault.start());
  const recorded = fault.startBehind(tracedFromBirth(file, MORTAL));
  await waitFor("its answer", async () => await fault.agents().catch(() => undefined));
  await fault.quiet();
  const calls = sampleOf(readTrace(file).calls, every);
  recorded.child.kill("SIGKILL");
  await recorded.end;
  const known = new Set<string>();
  const wrong: string[] = [];
  let missed = 0;
  for (const at of calls) {
    await leaveAgents(fault, await fault.start());
    const words = tracedFromBirth(file, [at.kind], { at, is: "SIGKILL" });
    const doomed = fault.startBehind(words);
    const late = setTimeout(() => doomed.child.kill("SIGQUIT"), BOOTED_MS);
    if ((await doomed.end).signal !== "SIGKILL") missed += 1;
    clearTimeout(late);
    const daemon = await fault.start();
    const seen = await reckon(fault, BOOT, known);
    wrong.push(...seen.map((what) => `${nameOf(at)}: ${what}`));
    daemon.child.kill("SIGKILL");
    await daemon.end;
  }
  const last = await fault.start();
  await fault.api("/api/leave", { mode: "end" });
  await last.end;
  wrong.push(...fault.remains().map((what) => `after down: ${what}`));
  return { struck: calls.length - missed, missed, wrong };
}

async function leaveAgents(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  await fault.deploy(["/bin/sleep", "300"]);
  await fault.deploy(["/bin/sh", "-c", "sleep 0.3; exit 9"]);
  daemon.child.kill("SIGKILL");
  await daemon.end;
}

/** A sample of the daemon's calls in a scenario fails, one in each round; the daemon lives on and all is given back. */
export async function failAtCalls(
  fault: FaultWorld,
  scenario: Scenario,
  fates: readonly (readonly [string, Fate])[],
  every: number,
): Promise<CallReport> {
  const daemon = await fault.start();
  const kinds = [...new Set(fates.map(([kind]) => kind))];
  const calls = sampleOf(await recordCalls(fault, daemon, scenario, kinds), every);
  const wrong: string[] = [];
  let [struck, missed] = [0, 0];
  for (const [kind, is] of fates) {
    for (const call of calls.filter((one) => one.kind === kind)) {
      const name = `${nameOf(call)} ${is}`;
      await scenario.prepare?.(fault);
      const tracer = await trace(daemon.pid, [kind], { at: call, is });
      const unclear = await unclearFault(scenario.run(fault));
      if (unclear !== null) wrong.push(`${name}: ${unclear}`);
      // What was refused for it may be asked for again, as its hint says.
      if (unclear === null && scenario.keeps === true)
        await killAll(fault, 0).catch(() => undefined);
      await settled(fault).catch((error: unknown) => wrong.push(`${name}: ${String(error)}`));
      const seen = await tracer.leave();
      if (seen.length < call.nth) missed += 1;
      else struck += 1;
      wrong.push(...(await lastComplaints(fault)).map((what) => `${name}: ${what}`));
      if ((daemon.child.exitCode ?? daemon.child.signalCode) !== null) {
        return { struck, missed, wrong: [...wrong, `${name}: the daemon ended`] };
      }
    }
  }
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains().map((what) => `after down: ${what}`));
  return { struck, missed, wrong };
}

/** Node writes down what it compiled when its first process leaves; no other makes those calls. */
async function fillCaches(fault: FaultWorld): Promise<void> {
  const daemon = await fault.start();
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
}

function nameOf({ kind, nth }: Call): string {
  return `${kind}:${nth}`;
}

/** A call that fails says why with a code that is published and a next step; null when it did, or did not fail. */
async function unclearFault(call: Promise<unknown>): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    // The connection itself may be what could not be made.
    if (errnoOf(error) !== undefined) return null;
    const { message } = error as Error;
    if (!message.startsWith("{")) return message;
    const { code, hint } = (JSON.parse(message) as { error: FaultWire }).error;
    return FAULT_CODES.includes(code) && hint !== "" ? null : message;
  }
}

async function settled(fault: FaultWorld): Promise<void> {
  const isDone = ({ ended_at, cleanup }: AgentView) =>
    ended_at !== null && cleanup.state === "clean";
  await waitFor(
    "every agent to be clean",
    async () => ((await fault.agents()).every(isDone) ? true : undefined),
    20_000,
  );
}
