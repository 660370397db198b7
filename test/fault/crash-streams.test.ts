/**
 * G4, G5: whoever rotates and archives dies by SIGKILL before and after every step that changes a
 * file, writes in the middle of one included. Right after it, every byte is readable at its offset;
 * the next try ends the work, with nothing made twice and nothing left over.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { streamView } from "../../src/adapters/output/stream-view.ts";
import { KIB } from "../../src/kernel/units.ts";
import { type StreamStep, type StreamWork, workOn } from "../helpers/fault-streams.ts";
import { lines, readWhole, streamFolder } from "../helpers/stream-folder.ts";

const PROGRAM = join(import.meta.dirname, "../helpers/fault-streams.ts");
const AGENT = "fixer-101010-aaaaaa";
const CONTENT: Readonly<Record<string, Buffer>> = {
  "stream.jsonl": lines(700 * KIB),
  "stderr.log": lines(300 * KIB, 50_000),
};

function fill(folder: string): StreamWork {
  const directory = join(folder, "agents", AGENT);
  mkdirSync(directory, { recursive: true });
  mkdirSync(join(folder, "archive"));
  for (const [name, bytes] of Object.entries(CONTENT)) writeFileSync(join(directory, name), bytes);
  writeFileSync(join(directory, "exit.json"), '{"code":0}\n');
  return { folder, agentId: AGENT, segmentBytes: 256 * KIB };
}

async function run(work: StreamWork, at: StreamStep | null) {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify({ work, at })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code, signal, out };
}

/** Both streams, as a reader of that moment gets them. */
async function isWhole(folder: string): Promise<boolean> {
  const archive = join(folder, "archive", `${AGENT}.tar`);
  const directory = join(folder, "agents", AGENT);
  for (const [stream, bytes] of Object.entries(CONTENT)) {
    const view = streamView({ directory, stream, archive });
    if (!(await readWhole(view)).equals(bytes)) return false;
    if ((await view.gaps(0, bytes.length)).length > 0) return false;
  }
  return true;
}

/** One round. @returns what is wrong. */
async function strike(at: StreamStep): Promise<readonly string[]> {
  using folder = streamFolder();
  const work = fill(folder.path);
  const { signal } = await run(work, at);
  const isWholeThen = await isWhole(folder.path);
  await workOn(work);
  const isWholeLater = await isWhole(folder.path);
  const left = [...readdirSync(join(folder.path, "agents")), ...readdirSync(folder.path)];
  left.push(...readdirSync(join(folder.path, "archive")));
  const isTidy = left.toSorted().join() === `agents,archive,${AGENT}.tar`;
  return [
    ...(signal === "SIGKILL" ? [] : ["was not come by"]),
    ...(isWholeThen ? [] : ["bytes are lost"]),
    ...(isWholeLater ? [] : ["bytes are lost after the next try"]),
    ...(isTidy ? [] : [`left are ${left.join(", ")}`]),
  ].map((what) => `${at.when} ${at.step} ${at.nth}: ${what}`);
}

async function steps(): Promise<readonly StreamStep[]> {
  using folder = streamFolder();
  const { code, out } = await run(fill(folder.path), null);
  expect(code).toBe(0);
  return (JSON.parse(out) as [string, number][]).flatMap(([step, count]) =>
    Array.from({ length: count }, (_, index) => index + 1).flatMap((nth) => [
      { step, nth, when: "before" as const },
      { step, nth, when: "after" as const },
    ]),
  );
}

test(
  "at any step, no byte is lost and the next try ends the work",
  { timeout: 600_000 },
  async () => {
    const all = await steps();
    expect(new Set(all.map(({ step }) => step))).toEqual(
      new Set([
        "create",
        "append",
        "rename",
        "syncFolder",
        "punch",
        "remove",
        "link",
        "removeFolder",
      ]),
    );
    const wrong: string[] = [];
    // Most of a round is waiting for the disk.
    const rounds = all[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (const at of rounds) wrong.push(...(await strike(at)));
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(wrong).toEqual([]);
    expect(all.length).toBeGreaterThan(100);
  },
);
