/** Archives on a real file system, read back by Corral and by standard tools. */
import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { durableFiles } from "../../../../src/adapters/output/durable-files.ts";
import { fileStreams } from "../../../../src/adapters/output/streams.ts";
import { streamView } from "../../../../src/adapters/output/stream-view.ts";
import { FRAME_BYTES } from "../../../../src/adapters/output/zstd.ts";
import type { ArchiveManifest } from "../../../../src/contract/archive.ts";
import { MIB } from "../../../../src/kernel/units.ts";
import { formRedactor } from "../../../../src/output/redact.ts";
import { maskingBy } from "../../../../src/output/redacted-file.ts";
import type { ArchiveWish } from "../../../../src/supervision/streams.ts";
import { anAgent, aReceipt } from "../../cli/fake-ports.ts";
import {
  lines,
  readWhole,
  STREAM,
  type StreamFolder,
  streamFolder,
} from "../../../helpers/stream-folder.ts";

const AGENT = "fixer-101010-aaaaaa";
const OUTPUT = lines(5 * MIB);
const ERRORS = lines(20_000, 7);

/** An agent's folder with a stream of which a part is rotated. */
async function settled(folder: StreamFolder) {
  const directory = join(folder.path, "agents", AGENT);
  const archives = join(folder.path, "archive");
  mkdirSync(directory, { recursive: true });
  mkdirSync(archives);
  writeFileSync(join(directory, STREAM), OUTPUT);
  writeFileSync(join(directory, "stderr.log"), ERRORS);
  writeFileSync(join(directory, "exit.json"), '{"code":0}\n');
  writeFileSync(join(directory, "runner.log"), "");
  const streams = fileStreams({ agents: folder.path, archives });
  await streams.rotate(directory, { segmentBytes: 2 * MIB, all: false });
  const target = streams.archiveOf(AGENT);
  const wish: ArchiveWish = {
    agentId: AGENT,
    directory,
    target,
    segmentBytes: 2 * MIB,
    facts: {
      corral: "1.2.3",
      archived_at: "2026-01-01T00:00:00.000Z",
      agent: anAgent(AGENT),
      receipt: aReceipt(AGENT),
    },
  };
  const view = (stream = STREAM) => streamView({ directory, stream, archive: target });
  return { directory, streams, target, wish, view };
}

describe("an archive", () => {
  test("holds every byte at its offset, before and after the files are removed", async () => {
    using folder = streamFolder();
    const { directory, streams, target, wish, view } = await settled(folder);
    expect(await view().source()).toBe("stream");
    const { manifest, bytes } = await streams.archive(wish);
    expect(bytes).toBe(statSync(target).size);
    expect(existsSync(join(directory, STREAM))).toBe(true);
    expect(await streams.removeArchived(directory, manifest)).toBe(true);
    expect(existsSync(directory)).toBe(false);
    expect(await view().source()).toBe("archive");
    expect((await readWhole(view())).equals(OUTPUT)).toBe(true);
    expect((await readWhole(view("stderr.log"))).equals(ERRORS)).toBe(true);
    const at = 3 * MIB + 5;
    expect(Buffer.from(await view().read(at, 50)).equals(OUTPUT.subarray(at, at + 50))).toBe(true);
    expect(manifest.streams.map(({ name, size_bytes }) => [name, size_bytes])).toEqual([
      [STREAM, OUTPUT.length],
      ["stderr.log", ERRORS.length],
    ]);
  });

  test("is read by tar and zstd, and its manifest tells the truth", async () => {
    using folder = streamFolder();
    const { streams, target, wish } = await settled(folder);
    const { manifest } = await streams.archive(wish);
    execFileSync("tar", ["xf", target, "-C", folder.path]);
    const unpacked = join(folder.path, AGENT);
    const listed = execFileSync("tar", ["tf", target], { encoding: "utf8" }).trim().split("\n");
    const names = ["manifest.json", ...manifest.members.map(({ name }) => name)];
    expect(listed).toEqual(names.map((name) => `${AGENT}/${name}`));
    expect(JSON.parse(readFileSync(join(unpacked, "manifest.json"), "utf8"))).toEqual(manifest);
    for (const { name, bytes, sha256 } of manifest.members) {
      const content = readFileSync(join(unpacked, name));
      expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
      expect(statSync(join(unpacked, name)).size).toBe(bytes);
    }
    const { segments } = manifest.streams[0]!;
    expect(segments.length).toBeGreaterThan(2);
    const paths = segments.map(({ name }) => join(unpacked, name));
    const { stdout } = spawnSync("zstd", ["-dc", ...paths], { maxBuffer: 8 * MIB });
    expect(stdout.equals(OUTPUT)).toBe(true);
  });

  test("of an agent that printed nothing is whole", async () => {
    using folder = streamFolder();
    const { directory, streams, wish, view } = await settled(folder);
    for (const name of readdirSync(directory).filter((one) => one.startsWith(STREAM)))
      await durableFiles.remove(join(directory, name));
    writeFileSync(join(directory, STREAM), "");
    const { manifest } = await streams.archive(wish);
    expect(await streams.removeArchived(directory, manifest)).toBe(true);
    expect(await view().size()).toBe(0);
    expect(await view().source()).toBe("archive");
  });

  test("tells what was lost before it was made", async () => {
    using folder = streamFolder();
    const { directory, streams, wish, view } = await settled(folder);
    const name = readdirSync(directory).find((one) => one.startsWith(`${STREAM}.0-`))!;
    const to = Number(/-(\d+)\.zst$/.exec(name)![1]);
    await durableFiles.remove(join(directory, name));
    const { manifest } = await streams.archive(wish);
    await streams.removeArchived(directory, manifest);
    expect(manifest.streams[0]!.gaps).toMatchObject([{ from: 0, to }]);
    expect(await view().gaps(0, OUTPUT.length)).toMatchObject([{ from: 0, to }]);
    expect(await view().read(0, 10)).toHaveLength(0);
  });

  test("is never written over", async () => {
    using folder = streamFolder();
    const { directory, streams, target, wish } = await settled(folder);
    writeFileSync(target, "somebody else's");
    await expect(streams.archive(wish)).rejects.toMatchObject({ code: "ARCHIVE_DAMAGED" });
    expect(readFileSync(target, "utf8")).toBe("somebody else's");
    expect(existsSync(join(directory, STREAM))).toBe(true);
    await durableFiles.remove(target);
    await streams.archive({
      ...wish,
      agentId: "other-101010-bbbbbb",
      facts: { ...wish.facts, agent: anAgent("other-101010-bbbbbb") },
    });
    const before = readFileSync(target);
    await expect(streams.archive(wish)).rejects.toMatchObject({ code: "ARCHIVE_EXISTS" });
    expect(readFileSync(target).equals(before)).toBe(true);
  });

  test("that a look finds damaged is no reason to remove anything", async () => {
    using folder = streamFolder();
    const { directory, streams, target, wish } = await settled(folder);
    await streams.archive(wish);
    const bytes = readFileSync(target);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 5_000) ^ 0xff, bytes.length - 5_000);
    writeFileSync(target, bytes);
    await expect(streams.archive(wish)).rejects.toMatchObject({ code: "ARCHIVE_DAMAGED" });
    expect(existsSync(join(directory, STREAM))).toBe(true);
  });
});

test("of a stream that its own agent has truncated nothing is archived or removed", async () => {
  using folder = streamFolder();
  const { directory, streams, wish } = await settled(folder);
  writeFileSync(join(directory, STREAM), "what came after it\n");
  await expect(streams.archive(wish)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  expect(readFileSync(join(directory, STREAM), "utf8")).toBe("what came after it\n");
  expect(readdirSync(directory).filter((name) => name.endsWith(".zst")).length).toBeGreaterThan(0);
});

describe("the removal of archived files", () => {
  test("stops at one that has grown since", async () => {
    using folder = streamFolder();
    const { directory, streams, wish } = await settled(folder);
    const { manifest } = await streams.archive(wish);
    appendFileSync(join(directory, STREAM), "one more line\n");
    const removal = streams.removeArchived(directory, manifest);
    await expect(removal).rejects.toMatchObject({ code: "PROBE_FAILED" });
    expect(statSync(join(directory, STREAM)).size).toBeGreaterThan(OUTPUT.length);
  });

  test("leaves what is not in the archive, and the folder with it", async () => {
    using folder = streamFolder();
    const { directory, streams, wish } = await settled(folder);
    mkdirSync(join(directory, "mine"));
    writeFileSync(join(directory, "mine", "note"), "keep");
    const { manifest } = await streams.archive(wish);
    writeFileSync(join(directory, "late"), "came after it");
    expect(await streams.removeArchived(directory, manifest)).toBe(false);
    expect(readdirSync(directory).toSorted()).toEqual(["late", "mine"]);
  });
});

const PLAIN = { as: "files", masking: null } as const;

describe("an export", () => {
  test("of a damaged archive leaves nothing of what it had made", async () => {
    using folder = streamFolder();
    const { streams, target, wish } = await settled(folder);
    await streams.archive(wish);
    const bytes = readFileSync(target);
    bytes.fill(0, bytes.length - 60_000, bytes.length - 30_000);
    writeFileSync(target, bytes);
    const to = join(folder.path, "out");
    const refused = streams.export(target, to, PLAIN);
    await expect(refused).rejects.toMatchObject({ code: "ARCHIVE_DAMAGED" });
    expect(existsSync(to)).toBe(false);
  });

  test("masks secrets in streams, records and the manifest, byte for byte", async () => {
    using folder = streamFolder();
    const { directory, streams, target, wish } = await settled(folder);
    const secret = `ghp_${"Ab1".repeat(12)}`;
    writeFileSync(join(directory, "note.json"), `{"token":"${secret}"}\n`);
    const facts = { ...wish.facts, agent: { ...wish.facts.agent, reason: `no: ${secret}` } };
    const output = secretsAt(secret, FRAME_BYTES);
    appendFileSync(join(directory, STREAM), output);
    await streams.archive({ ...wish, facts });
    const to = join(folder.path, "out");
    const masking = maskingBy(formRedactor());
    const answer = await streams.export(target, to, { as: "files", masking });
    expect(answer).toMatchObject({ to, files: 6, redacted: true });
    const names = readdirSync(to);
    for (const name of names) expect(readFileSync(join(to, name), "latin1")).not.toContain(secret);
    const stars = "*".repeat(secret.length);
    expect(readFileSync(join(to, "note.json"), "utf8")).toBe(`{"token":"${stars}"}\n`);
    const whole = Buffer.concat([OUTPUT, output]).toString("latin1").replaceAll(secret, stars);
    expect(readFileSync(join(to, STREAM), "latin1") === whole).toBe(true);
    const manifest = JSON.parse(readFileSync(join(to, "manifest.json"), "utf8")) as ArchiveManifest;
    expect(manifest.agent.reason).toBe("no: [secret]");
    expect(manifest.members).toEqual((await streams.manifest(target))!.members);
  });

  test("is plain files, or the archive itself", async () => {
    using folder = streamFolder();
    const { streams, target, wish } = await settled(folder);
    await streams.archive(wish);
    const to = join(folder.path, "out");
    const answer = await streams.export(target, to, PLAIN);
    expect(answer).toMatchObject({ to, files: 5 });
    expect(readFileSync(join(to, STREAM)).equals(OUTPUT)).toBe(true);
    expect(readFileSync(join(to, "stderr.log")).equals(ERRORS)).toBe(true);
    expect(readFileSync(join(to, "exit.json"), "utf8")).toBe('{"code":0}\n');
    const copy = join(folder.path, "copy.tar");
    await streams.export(target, copy, { as: "tar" });
    expect(readFileSync(copy).equals(readFileSync(target))).toBe(true);
  });

  test("writes over nothing", async () => {
    using folder = streamFolder();
    const { streams, target, wish } = await settled(folder);
    await streams.archive(wish);
    const to = join(folder.path, "there");
    writeFileSync(to, "mine");
    for (const form of [PLAIN, { as: "tar" } as const]) {
      const refused = streams.export(target, to, form);
      await expect(refused).rejects.toMatchObject({ code: "EXPORT_REFUSED" });
    }
    expect(readFileSync(to, "utf8")).toBe("mine");
    const nowhere = streams.export(target, join(folder.path, "no", "where"), PLAIN);
    await expect(nowhere).rejects.toMatchObject({ code: "EXPORT_REFUSED" });
    const none = streams.export(join(folder.path, "none.tar"), `${to}2`, { as: "tar" });
    await expect(none).rejects.toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
  });
});

/** Lines with a secret across every border of a frame, wherever the frames begin. */
function secretsAt(secret: string, frameBytes: number): Buffer {
  const line = `${secret} ${"x".repeat(90)}\n`;
  return Buffer.from(line.repeat(Math.ceil((frameBytes * 5) / 2 / line.length)));
}
