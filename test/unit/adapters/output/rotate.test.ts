/** Rotation on a real file system: every byte stays readable at its offset, and its space is given back. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { probePunch } from "../../../../src/adapters/output/can-punch.ts";
import { durableFiles } from "../../../../src/adapters/output/durable-files.ts";
import { rotate } from "../../../../src/adapters/output/rotate.ts";
import { segmentNamed } from "../../../../src/adapters/output/segments.ts";
import { diskSight } from "../../../../src/adapters/disk/disk-sight.ts";
import { fileStreams } from "../../../../src/adapters/output/streams.ts";
import { KIB, MIB } from "../../../../src/kernel/units.ts";
import { lines, readWhole, STREAM, streamFolder } from "../../../helpers/stream-folder.ts";

const folderOf = streamFolder;
const order = (directory: string) => ({
  directory,
  stream: STREAM,
  segmentBytes: 2 * MIB + 333,
  keepBytes: 64 * KIB,
  whenOver: 2 * MIB + 333,
  punches: true,
  frames: 2,
});

describe("a rotated stream", () => {
  test("has every byte at its offset, and takes a small part of its size on disk", async () => {
    using folder = folderOf();
    const path = join(folder.path, STREAM);
    const all = lines(9 * MIB);
    writeFileSync(path, all);
    const rotated = await rotate(durableFiles, order(folder.path));
    expect(rotated.segments).toBe(4);
    expect(statSync(path).size).toBe(all.length);
    expect(statSync(path).blocks * 512).toBeLessThan(2.5 * MIB);
    const view = folder.view();
    expect(await view.size()).toBe(all.length);
    expect((await readWhole(view)).equals(all)).toBe(true);
    expect(await view.gaps(0, all.length)).toEqual([]);
    for (const at of [0, 1, MIB - 1, MIB, 2 * MIB + 300, 4 * MIB, all.length - 5]) {
      const part = await view.read(at, 10);
      expect(Buffer.from(part).equals(all.subarray(at, at + 10))).toBe(true);
    }
    expect(await view.read(all.length, 10)).toHaveLength(0);
  });

  test("is made of whole lines that any zstd reads", async () => {
    using folder = folderOf();
    const all = lines(5 * MIB);
    writeFileSync(join(folder.path, STREAM), all);
    await rotate(durableFiles, order(folder.path));
    const segments = readdirSync(folder.path).filter((name) => name.endsWith(".zst"));
    expect(segments.length).toBeGreaterThan(1);
    for (const name of segments) {
      const [, from, to] = /(\d+)-(\d+)\.zst$/.exec(name) ?? [];
      const { stdout, status } = spawnSync("zstd", ["-dc", join(folder.path, name)], {
        maxBuffer: 8 * MIB,
      });
      expect(status).toBe(0);
      expect(stdout.equals(all.subarray(Number(from), Number(to)))).toBe(true);
      expect(stdout.at(-1)).toBe(0x0a);
    }
  });

  test("goes on where it was, and leaves a short stream alone", async () => {
    using folder = folderOf();
    const path = join(folder.path, STREAM);
    writeFileSync(path, lines(MIB));
    expect(await rotate(durableFiles, order(folder.path))).toEqual({ segments: 0, bytes: 0 });
    for (let round = 0; round < 3; round += 1) {
      appendFileSync(path, lines(3 * MIB, round * 1_000_000));
      expect((await rotate(durableFiles, order(folder.path))).segments).toBeGreaterThan(0);
    }
    const expected = [lines(MIB), ...[0, 1, 2].map((round) => lines(3 * MIB, round * 1_000_000))];
    expect((await readWhole(folder.view())).equals(Buffer.concat(expected))).toBe(true);
  });

  test("with bytes that are no text, and lines longer than a segment, is whole, too", async () => {
    using folder = folderOf();
    const all = Buffer.alloc(5 * MIB);
    for (let at = 0; at < all.length; at += 4) all.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    writeFileSync(
      join(folder.path, STREAM),
      all.map((byte) => (byte === 10 ? 0 : byte)),
    );
    await rotate(durableFiles, order(folder.path));
    const whole = await readWhole(folder.view());
    expect(whole.equals(Buffer.from(all.map((byte) => (byte === 10 ? 0 : byte))))).toBe(true);
  });
});

describe("while the agent writes as fast as it can", () => {
  const WRITER = join(import.meta.dirname, "../../../fixtures/agents/numbered-writer.pl");
  const COUNT = 600_000;

  test("not one byte is lost, and readers never see a hole", { timeout: 120_000 }, async () => {
    using folder = folderOf();
    const path = join(folder.path, STREAM);
    writeFileSync(path, "");
    const writer = spawn(WRITER, [path, String(COUNT)], { stdio: "inherit" });
    const ended = once(writer, "exit");
    let segments = 0;
    let looks = 0;
    const rotating = (async () => {
      while (writer.exitCode === null) {
        segments += (await rotate(durableFiles, { ...order(folder.path), segmentsMost: 3 }))
          .segments;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const view = folder.view();
    const looking = (async () => {
      while (writer.exitCode === null) {
        const size = await view.size();
        // Offsets all over the stream, those that are just being rotated among them.
        for (const share of [0, 0.3, 0.6, 0.9, 0.99]) {
          const at = Math.floor((size * share) / 101) * 101;
          const text = Buffer.from(await view.read(at, 101)).toString();
          if (text.length === 101) expect(text.slice(0, 9)).toBe(String(at / 101).padStart(9, "0"));
          looks += 1;
        }
      }
    })();
    await Promise.all([ended, rotating, looking]);
    expect((await ended)[0]).toBe(0);
    expect(segments).toBeGreaterThan(2);
    expect(looks).toBeGreaterThan(5);
    const whole = await readWhole(view);
    expect(whole.length).toBe(COUNT * 101);
    for (let n = 0; n < COUNT; n += 997) {
      const line = whole.toString("latin1", n * 101, n * 101 + 101);
      expect(line).toBe(`${String(n).padStart(9, "0")} ${"x".repeat(90)}\n`);
    }
  });
});

describe("what is lost", () => {
  test("is a gap, never zeros", async () => {
    using folder = folderOf();
    const all = lines(9 * MIB);
    writeFileSync(join(folder.path, STREAM), all);
    await rotate(durableFiles, order(folder.path));
    const segments = readdirSync(folder.path).flatMap((name) => segmentNamed(STREAM, name) ?? []);
    // The last one as well: nothing but the record of the hole tells that there is nothing any more.
    const { name, from, to } = segments.toSorted((a, b) => a.from - b.from).at(-1)!;
    rmSync(join(folder.path, name));
    const view = folder.view();
    expect(await view.gaps(0, await view.size())).toMatchObject([{ from, to }]);
    expect(await view.read(from + 5, 100)).toHaveLength(0);
    expect(await view.read(from - 5, 100)).toHaveLength(5);
    expect(Buffer.from(await view.read(to, 100)).equals(all.subarray(to, to + 100))).toBe(true);
  });

  test("is not claimed of a segment that is damaged: that is a failed probe", async () => {
    using folder = folderOf();
    writeFileSync(join(folder.path, STREAM), lines(5 * MIB));
    await rotate(durableFiles, order(folder.path));
    const name = readdirSync(folder.path).find((one) => one.includes(".0-"))!;
    writeFileSync(join(folder.path, name), "not zstd at all");
    await expect(folder.view().read(0, 10)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  });
});

describe("where no hole can be made", () => {
  test("a running stream stays as it is", async () => {
    using folder = folderOf();
    writeFileSync(join(folder.path, STREAM), lines(3 * MIB));
    const refusing = { ...durableFiles, punch: () => Promise.reject(new Error("not supported")) };
    const streams = fileStreams({ agents: folder.path, archives: folder.path }, refusing);
    expect(await streams.canRotate()).toMatchObject({ works: false });
    const report = await streams.rotate(folder.path, { segmentBytes: MIB, all: true });
    expect(report).toEqual({ segments: 0, bytes: 0 });
    expect(readdirSync(folder.path)).toEqual([STREAM]);
  });

  test("a fallocate that lies is found out", async () => {
    using folder = folderOf();
    const lying = { ...durableFiles, punch: () => Promise.resolve() };
    expect(await probePunch(folder.path, lying)).toMatchObject({ works: false, isCertain: true });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("a probe that met a full disk is made again, and rotation goes on", async () => {
    using folder = folderOf();
    const all = lines(9 * MIB);
    writeFileSync(join(folder.path, STREAM), all);
    let isFull = true;
    const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    const filling: typeof durableFiles = {
      ...durableFiles,
      create: (...args) => (isFull ? Promise.reject(full) : durableFiles.create(...args)),
    };
    const streams = fileStreams({ agents: folder.path, archives: folder.path }, filling);
    const again = () => streams.rotate(folder.path, { segmentBytes: 2 * MIB, all: false });
    expect(await streams.canRotate()).toMatchObject({ works: false });
    expect(await again()).toMatchObject({ segments: 0 });
    isFull = false;
    expect((await again()).segments).toBeGreaterThan(0);
  });
});

test("what is in no segment is known without a listing, also after a rotation", async () => {
  using folder = folderOf();
  const all = lines(9 * MIB);
  writeFileSync(join(folder.path, STREAM), all);
  const streams = fileStreams({ agents: folder.path, archives: folder.path });
  const plain = () => streams.plainBytes(folder.path, diskSight().streamsIn(folder.path));
  expect(plain()).toBe(all.length);
  await streams.rotate(folder.path, { segmentBytes: 2 * MIB, all: false });
  expect(plain()).toBeLessThanOrEqual(2 * MIB);
  await streams.rotate(folder.path, { segmentBytes: 2 * MIB, all: true });
  const left = plain();
  expect(left).toBeGreaterThan(0);
  appendFileSync(join(folder.path, STREAM), "12345");
  expect(plain()).toBe(left + 5);
});
