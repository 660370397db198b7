/** G7: two processes never own one state directory, however their owners end. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { acquireStateLock } from "../../src/adapters/sqlite/state-lock.ts";
import { collect, ended } from "../helpers/daemon-process.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";

const LOCKER = join(import.meta.dirname, "../helpers/fault-locker.ts");
const CONTENDERS = 4;
/** Acquisitions after which a contender ends by itself. */
const TIMES = 25;
/** Of so many contenders one ends by itself; the others are killed, wherever they are. */
const SPARED_OF = 4;
/** A contender takes about that long to start. */
const LIFE_MS = { least: 70, most: 300 } as const;

test("contenders and holders killed by SIGKILL never make two owners", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  const [lock, shared] = [join(folder, "lock"), join(folder, "shared")];
  writeFileSync(shared, "0");
  const lines: string[] = [];
  let [started, kills] = [0, 0];
  const owned = () => lines.filter((line) => line === "owned").length;

  async function contend(): Promise<void> {
    while (owned() < COUNTS.acquisitions) {
      started += 1;
      const isDoomed = started % SPARED_OF !== 0;
      const child = spawn(process.execPath, [LOCKER, lock, shared, String(TIMES)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const output = collect(child);
      const end = ended(child);
      if (isDoomed) {
        const lifeMs = LIFE_MS.least + Math.random() * (LIFE_MS.most - LIFE_MS.least);
        await Promise.race([end, sleep(lifeMs)]);
        if (child.kill("SIGKILL")) kills += 1;
      }
      await end;
      lines.push(...output().stdout.split("\n").filter(Boolean));
    }
  }

  const from = performance.now();
  try {
    await Promise.all(Array.from({ length: CONTENDERS }, contend));
    const wrong = lines.filter((line) => line !== "owned");
    addRow({
      place: 8,
      test: "contested state lock, holders killed",
      count: `${owned()} acquisitions`,
      left: `${wrong.length} double owners`,
      worst: `${Math.round((performance.now() - from) / owned())} ms each`,
      also: `${CONTENDERS} contenders, ${kills} SIGKILLs`,
    });
    expect(wrong).toEqual([]);
    expect(kills).toBeGreaterThan(0);
    acquireStateLock(lock).release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
