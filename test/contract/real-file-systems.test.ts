/** Streams and the store on file systems as people have them, on loop devices of their own: root only. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileStreams } from "../../src/adapters/output/streams.ts";
import { openStore } from "../../src/adapters/sqlite/store.ts";
import { openStoreToRead } from "../../src/adapters/sqlite/store-to-read.ts";
import { machineChance, machineClock } from "../../src/adapters/time/machine-time.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { MIB } from "../../src/kernel/units.ts";
import { LOOP_KINDS, type LoopKind, mountLoopDisk, whyNoLoopDisk } from "../helpers/loop-disk.ts";
import { lines, readWhole, STREAM } from "../helpers/stream-folder.ts";
import { streamView } from "../../src/adapters/output/stream-view.ts";

function mounted(kind: LoopKind) {
  const folder = mkdtempSync(join(tmpdir(), `on-${kind}-`));
  const path = join(folder, "disk");
  const disk = mountLoopDisk(path, kind);
  return {
    path,
    disk,
    [Symbol.dispose]() {
      disk[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

const KINDS = LOOP_KINDS.map((kind) => ({ kind, missing: whyNoLoopDisk(kind) }));
for (const { kind, missing } of KINDS) {
  if (missing !== null) process.stdout.write(`skipped: ${kind} on a loop device: ${missing}\n`);
}

describe.for(KINDS)("on $kind", { timeout: 60_000 }, ({ kind, missing }) => {
  const isThere = test.skipIf(missing !== null);

  isThere("a stream is rotated: its space is given back, and every byte is there", async () => {
    using here = mounted(kind);
    const directory = join(here.path, "agent");
    mkdirSync(directory);
    const output = lines(9 * MIB);
    writeFileSync(join(directory, STREAM), output);
    const streams = fileStreams({ agents: here.path, archives: here.path });
    expect(await streams.canRotate()).toMatchObject({ works: true, isCertain: true });
    const { segments } = await streams.rotate(directory, { segmentBytes: 4 * MIB, all: true });
    expect(segments).toBeGreaterThan(0);
    const view = streamView({ directory, stream: STREAM, archive: null });
    expect((await readWhole(view)).equals(output)).toBe(true);
    const given = statSync(join(directory, STREAM)).blocks * 512;
    expect(given).toBeLessThan(output.length / 2);
  });

  isThere("the store maps no file where a full disk would end us for it", () => {
    using here = mounted(kind);
    const path = join(here.path, "corral.db");
    const store = openStore(path, machineClock, machineChance);
    const isAlone = kind === "btrfs";
    try {
      expect(existsSync(`${path}-shm`)).toBe(!isAlone);
      const beside = codeOf(() => openStoreToRead(path, machineClock).close());
      expect(beside).toBe(isAlone ? "STATE_LOCKED" : null);
      here.disk.fill();
      // Each either succeeds or says that the disk is full; neither may end this process.
      const codes = Array.from({ length: 400 }, (_, at) =>
        codeOf(() => store.addEvent({ kind: "alert", facts: { at, text: "x".repeat(2_000) } })),
      );
      expect(codes.every((code) => code === null || code === "DISK_FULL")).toBe(true);
    } finally {
      here.disk.giveRoom();
      store.close();
    }
    openStoreToRead(path, machineClock).close();
  });
});

/** What a call failed with; null when it did not. */
function codeOf(call: () => void): string | null {
  try {
    call();
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    return (error as Error).message.includes("full") ? "DISK_FULL" : String(error);
  }
}
