/** `DiskSight` and `Ballast` over real file systems; the small ones need root. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ballast } from "../../src/adapters/disk/ballast.ts";
import { diskSight } from "../../src/adapters/disk/disk-sight.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "../helpers/small-disk.ts";

const KIB = 1_024;
const sight = diskSight();
const allOf = async (path: string): Promise<number> => {
  const { streams, others } = await sight.walk(path);
  return streams + others;
};
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "disk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const blocksOf = (path: string): number => lstatSync(path).blocks * 512;

describe("a walk", () => {
  test("adds up blocks, of hidden and deep files too, and not sizes", async () => {
    mkdirSync(join(folder, "a/b"), { recursive: true });
    writeFileSync(join(folder, "a/b/.deep"), Buffer.alloc(100 * KIB, 1));
    writeFileSync(join(folder, "hole"), "");
    truncateSync(join(folder, "hole"), 100 * KIB * KIB);
    const paths = ["", "a", "a/b", "a/b/.deep", "hole"].map((name) => join(folder, name));
    const bytes = await allOf(folder);
    expect(bytes).toBe(paths.reduce((sum, path) => sum + blocksOf(path), 0));
    expect(bytes).toBeGreaterThanOrEqual(100 * KIB);
    expect(bytes).toBeLessThan(1_000 * KIB);
  });

  test("counts what has several names once, and follows no link", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "disk-else-"));
    writeFileSync(join(elsewhere, "large"), Buffer.alloc(512 * KIB, 1));
    writeFileSync(join(folder, "one"), Buffer.alloc(64 * KIB, 1));
    linkSync(join(folder, "one"), join(folder, "two"));
    symlinkSync(elsewhere, join(folder, "link"));
    const bytes = await allOf(folder);
    rmSync(elsewhere, { recursive: true });
    expect(bytes).toBeGreaterThanOrEqual(64 * KIB);
    expect(bytes).toBeLessThan(128 * KIB);
  });

  test("tells the recorded streams and their segments from all others", async () => {
    const before = await sight.walk(folder);
    expect(before.streams).toBe(0);
    const streams = [
      "stream.jsonl",
      "stderr.log",
      "stream.jsonl.0-65536.zst",
      "stderr.log.punched",
    ];
    for (const name of streams) writeFileSync(join(folder, name), Buffer.alloc(64 * KIB, 1));
    mkdirSync(join(folder, "tmp"));
    for (const name of ["tmp/stream.jsonl", "stream.json"]) {
      writeFileSync(join(folder, name), Buffer.alloc(64 * KIB, 1));
    }
    const after = await sight.walk(folder);
    expect(after.streams).toBe(4 * 64 * KIB);
    expect(after.others).toBeGreaterThanOrEqual(before.others + 2 * 64 * KIB);
    expect(sight.streamsIn(folder)).toEqual({
      stdoutBytes: 64 * KIB,
      stderrBytes: 64 * KIB,
      diskBytes: 128 * KIB,
      writtenAt: statSync(join(folder, "stderr.log")).mtimeMs,
    });
  });

  test("of what is not there is nothing; of one file, that file", async () => {
    expect(await allOf(join(folder, "none"))).toBe(0);
    expect(sight.streamsIn(join(folder, "none"))).toEqual({
      stdoutBytes: 0,
      stderrBytes: 0,
      diskBytes: 0,
      writtenAt: 0,
    });
    writeFileSync(join(folder, "one"), "x");
    expect(await allOf(join(folder, "one"))).toBe(blocksOf(join(folder, "one")));
  });
});

test("folders of one file system have one id, and what is not there is no answer", async () => {
  mkdirSync(join(folder, "below"));
  const [one, other] = await Promise.all(
    [folder, join(folder, "below")].map((path) => sight.fileSystemOf(path)),
  );
  expect(one?.id).toBe(other?.id);
  expect(one?.space.totalBytes).toBeGreaterThanOrEqual(one?.space.freeBytes ?? 0);
  await expect(sight.fileSystemOf(join(folder, "none"))).rejects.toMatchObject({
    code: "PROBE_FAILED",
  });
});

test.skipIf(process.platform !== "linux")("what a process writes to a disk is seen", async () => {
  const script = `open F, ">", "${folder}/f"; $| = 1; syswrite F, "x" x 1048576; print "ok\\n"; <STDIN>`;
  const child = spawn("/usr/bin/perl", ["-e", script], { stdio: ["pipe", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const bytes = sight.writtenBy([child.pid ?? 0, 2 ** 30]);
  child.stdin.end("\n");
  await once(child, "exit");
  // A file system in memory writes to no disk.
  if (blocksOf(join(folder, "f")) > 0 && statSync(folder).dev !== statSync("/dev/shm").dev) {
    expect(bytes).toBeGreaterThanOrEqual(1_048_576);
  }
});

describe.skipIf(!canMount())("a small disk", () => {
  const MEGABYTES = 2;
  let disk: SmallDisk;
  let place: string;

  beforeEach(() => {
    place = join(folder, "disk");
    disk = mountSmallDisk(place, MEGABYTES, 100);
  });
  afterEach(() => disk[Symbol.dispose]());

  test("is told as it is: another id, its size, its room and its inodes", async () => {
    const above = await sight.fileSystemOf(folder);
    const before = await sight.fileSystemOf(place);
    expect(before.id).not.toBe(above.id);
    expect(before.space).toMatchObject({ totalBytes: MEGABYTES * KIB * KIB, totalInodes: 100 });
    disk.fill();
    const after = await sight.fileSystemOf(place);
    expect(after.space.freeBytes).toBe(0);
    expect(after.space.freeInodes).toBe(before.space.freeInodes - 1);
  });

  test("is left by no walk, and entered by none from outside", async () => {
    writeFileSync(join(place, "large"), Buffer.alloc(256 * KIB, 1));
    expect(await allOf(folder)).toBeLessThan(256 * KIB);
  });

  describe("with a ballast", () => {
    const SIZE = 256 * KIB;
    const filled = async (bytes = SIZE) => {
      const one = ballast(join(place, "ballast"));
      while (!(await one.fill(bytes)));
      return one;
    };

    test("fills piece by piece, to exactly its size, and stands still then", async () => {
      const one = ballast(join(place, "ballast"));
      expect(one.size()).toBe(0);
      expect(await one.fill(SIZE)).toBe(false);
      expect(one.size()).toBe(SIZE / 8);
      await filled();
      expect(one.size()).toBe(SIZE);
      expect(statSync(one.directory).mode & 0o777).toBe(0o700);
      expect(readdirSync(one.directory)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
      await filled(SIZE / 2);
      expect(one.size()).toBe(SIZE / 2);
    });

    test("gives its room back a piece at a time, on a full disk, and has none in the end", async () => {
      const one = await filled();
      disk.fill();
      expect(() => writeFileSync(join(place, "record"), "x")).toThrow("ENOSPC");
      expect(one.spend()).toBe(true);
      writeFileSync(join(place, "record"), Buffer.alloc(SIZE / 8, 1));
      let pieces = 1;
      while (one.spend()) pieces += 1;
      expect(pieces).toBe(8);
      expect(one.size()).toBe(0);
    });

    test("cannot be filled on a full disk, and takes nothing there", async () => {
      const one = ballast(join(place, "ballast"));
      mkdirSync(one.directory);
      disk.fill();
      await expect(one.fill(SIZE)).rejects.toThrow("ENOSPC");
      expect(one.size()).toBe(0);
      expect(one.spend()).toBe(false);
    });

    test("touches nothing that lies in a piece's place and is no file of it", async () => {
      const theirs = join(folder, "theirs");
      writeFileSync(theirs, "a file of somebody else's");
      const one = ballast(join(place, "ballast"));
      mkdirSync(one.directory);
      symlinkSync(theirs, join(one.directory, "1"));
      await expect(one.fill(SIZE)).rejects.toThrow("ELOOP");
      expect(one.spend()).toBe(false);
      expect(readFileSync(theirs, "utf8")).toBe("a file of somebody else's");
    });
  });
});
