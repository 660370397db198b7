import { mkdtemp, rm, writeFile, appendFile, mkdir, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { streamView } from "../../../src/adapters/output/stream-view.ts";

const fileAt = (path: string) =>
  streamView({ directory: dirname(path), stream: basename(path), archive: null });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "output-file-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("reads a file that grows, and holds no handle between calls", async () => {
  const path = join(folder, "stream.jsonl");
  const file = fileAt(path);
  expect(await file.size()).toBe(0);
  expect(await file.read(0, 10)).toHaveLength(0);
  await writeFile(path, "hello");
  expect(await file.size()).toBe(5);
  await appendFile(path, " world");
  expect(Buffer.from(await file.read(3, 100)).toString()).toBe("lo world");
  expect(await file.read(11, 5)).toHaveLength(0);
  if (process.platform === "linux") {
    const { readlink } = await import("node:fs/promises");
    const open = await Promise.all(
      (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    expect(open.filter((target) => target.startsWith(folder))).toEqual([]);
  }
});

test("a stream that cannot be read is a failed probe, not an empty one", async () => {
  const path = join(folder, "stream.jsonl");
  await mkdir(path);
  await expect(fileAt(path).read(0, 4)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  await expect(fileAt(join(path, "x".repeat(300))).size()).rejects.toMatchObject({
    code: "PROBE_FAILED",
  });
});
