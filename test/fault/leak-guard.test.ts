import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { cgroupTextOf, ownCgroups, processes } from "../helpers/os-look.ts";

// Every leak below is a sleep of this many seconds: no other process on the machine says so.
const UNIQUE_SECONDS = `299.${process.pid}`;
// The run that this test is part of sits in a group of its own exactly where its own runs can.
const canTrace = cgroupTextOf(process.pid).includes("/corral-run-");

interface GuardedRun {
  readonly pid: number;
  /** Its TMPDIR, so that what it leaves can be removed by name. */
  readonly folder: string;
  readonly code: number | null;
  readonly output: string;
}

function guardedRun(leak: string): Promise<GuardedRun> {
  const vitest = join(import.meta.dirname, "../../node_modules/vitest/vitest.mjs");
  const folder = mkdtempSync(join(tmpdir(), "guarded-"));
  const config = "test/fixtures/leak-guard/vitest.config.ts";
  const child = spawn(process.execPath, [vitest, "run", "--config", config], {
    env: {
      ...process.env,
      TMPDIR: folder,
      CI: undefined, // what other test files do meanwhile is not its business
      CORRAL_TEST_PATIENCE_MS: "500",
      LEAK: leak,
      LEAK_SECONDS: UNIQUE_SECONDS,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (part: Buffer) => (output += part.toString()));
  child.stderr.on("data", (part: Buffer) => (output += part.toString()));
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ pid: child.pid ?? 0, folder, code, output }));
  });
}

function leaked(): readonly number[] {
  return processes()
    .filter(({ argv }) => argv.at(-1) === UNIQUE_SECONDS)
    .map(({ pid }) => pid);
}

function removeRemains({ pid, folder }: GuardedRun): void {
  rmSync(folder, { recursive: true });
  for (const own of ownCgroups()) {
    const cgroup = join(own, `corral-run-${pid}`);
    if (existsSync(cgroup)) rmdirSync(cgroup);
  }
}

async function endLeaked(): Promise<void> {
  for (const pid of leaked()) process.kill(pid, "SIGKILL");
  await expect.poll(leaked).toEqual([]);
}

afterEach(endLeaked);

test("a run that leaves nothing passes", async () => {
  const run = await guardedRun("nothing");
  expect(run.output).toContain("1 passed");
  expect(run.code).toBe(0);
  expect(readdirSync(run.folder)).toEqual([]);
  removeRemains(run);
});

test.skipIf(!canTrace)(
  "a run fails when a daemon that scrubbed its environment and folder is left",
  async () => {
    const run = await guardedRun("scrubbed");
    expect(run.output).toContain("1 passed");
    const pids = leaked();
    expect(pids).toHaveLength(1);
    expect(run.output).toContain(`process ${pids[0]} (sleep): sleep ${UNIQUE_SECONDS}`);
    expect(run.code).toBe(1);
    await endLeaked();
    removeRemains(run);
  },
);

test("a run fails when a process that still names its root is left", async () => {
  const run = await guardedRun("named");
  const pids = leaked();
  expect(pids).toHaveLength(1);
  expect(run.output).toContain(`process ${pids[0]} (sleep)`);
  expect(run.code).toBe(1);
  await endLeaked();
  removeRemains(run);
});

test("a run fails when a file is left", async () => {
  const run = await guardedRun("file");
  expect(run.output).toContain("left.txt");
  expect(run.code).toBe(1);
  removeRemains(run);
});
