/** Streams on a real disk: text that looks like an agent's, and what a reader gets of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { streamView } from "../../src/adapters/output/stream-view.ts";
import type { OutputFile } from "../../src/output/ports.ts";

export const STREAM = "stream.jsonl";

export interface StreamFolder extends Disposable {
  readonly path: string;
  view(archive?: string): OutputFile;
}

export function streamFolder(): StreamFolder {
  const path = mkdtempSync(join(tmpdir(), "stream-"));
  return {
    path,
    view: (archive) => streamView({ directory: path, stream: STREAM, archive: archive ?? null }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Numbered lines of about 100 bytes, at least so many bytes. */
export function lines(bytes: number, first = 0): Buffer {
  const parts: string[] = [];
  for (let [length, number] = [0, first]; length < bytes; number += 1) {
    const line = `{"n":${String(number).padStart(9, "0")},"text":"${WORDS[number % 7]!.repeat(8)}"}\n`;
    parts.push(line);
    length += line.length;
  }
  return Buffer.from(parts.join(""));
}

const WORDS = [
  "assistant",
  "tool_use ",
  "content  ",
  "message  ",
  "result   ",
  "system   ",
  "read ",
];

/** All of a stream, read in pieces of an odd length. */
export async function readWhole(file: OutputFile, step = 300_007): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const size = await file.size();
  for (let at = 0; at < size;) {
    const part = await file.read(at, Math.min(step, size - at));
    if (part.length === 0) throw new Error(`nothing at ${at} of ${size}`);
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}
