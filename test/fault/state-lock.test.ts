/** G7: two processes never own one state directory, however their owners end. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { acquireStateLock } from "../../src/adapters/sqlite/state-lock.ts";
import { collect, ended } from "../helpers/daemon-process.ts";

const LOCKER = join(import.meta.dirname, "../helpers/fault-locker.ts");
const PROCESSES = 6;
const TIMES = 40;
/** Owners and contenders killed on the way, each replaced by a new process. */
const KILLS = 18;

test("six processes and eighteen kills: no double owner", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  const lock = join(folder, "lock");
  const shared = join(folder, "shared");
  writeFileSync(shared, "0");
  const lines: string[] = [];
  let kills = 0;

  async function contend(): Promise<void> {
    for (;;) {
      const child = spawn(process.execPath, [LOCKER, lock, shared, String(TIMES)], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") },
      });
      const output = collect(child);
      const end = ended(child);
      let isKilled = false;
      if (kills < KILLS) {
        kills += 1;
        while (output().stdout.length < 60 && child.exitCode === null) await sleep(2);
        isKilled = child.kill("SIGKILL");
      }
      await end;
      lines.push(...output().stdout.split("\n").filter(Boolean));
      if (!isKilled) return;
    }
  }

  try {
    await Promise.all(Array.from({ length: PROCESSES }, contend));
    expect(lines.filter((line) => line !== "owned")).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(200);
    acquireStateLock(lock).release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
