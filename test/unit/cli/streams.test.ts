import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineChunks, linesOf, READ_BYTES, tailOffset } from "../../../src/surface/cli/streams.ts";
import type { LineChunk, ReadRange } from "../../../src/surface/cli/streams.ts";

/** A stream in memory that answers at most `step` bytes, and may grow between two looks. */
function streamOf(bytes: Buffer, step = READ_BYTES, ended = true): ReadRange {
  return async (from, maxBytes) => {
    const part = bytes.subarray(from, from + Math.min(maxBytes, step));
    const next = from + part.length;
    return { data: part.toString("base64"), from, next, size: bytes.length, ended };
  };
}

const noPause = async () => {};

async function collect(chunks: AsyncIterable<LineChunk>): Promise<LineChunk[]> {
  const all: LineChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

/** What `tail -n` would print, computed in the plain way. */
function plainTail(text: string, lines: number): string {
  const parts = text.split(/(?<=\n)/);
  return parts.slice(-lines).join("");
}

const text = fc.string({ unit: fc.constantFrom("a", "ü", "\n", "\n", " "), maxLength: 60 });

describe("the last lines", () => {
  test("are those that tail -n prints, for any text and any block size", async () => {
    const check = async (content: string, lines: number, step: number) => {
      const bytes = Buffer.from(content);
      const from = await tailOffset(streamOf(bytes, step), bytes.length, lines);
      expect(bytes.subarray(from).toString()).toBe(plainTail(content, lines));
    };
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 7 }), check),
    );
  });

  test("of a large stream are found without reading it whole", async () => {
    const bytes = Buffer.from("x".repeat(99).concat("\n").repeat(50_000));
    let read = 0;
    const counting: ReadRange = async (from, maxBytes) => {
      const answer = await streamOf(bytes)(from, maxBytes);
      read += answer.next - from;
      return answer;
    };
    expect(await tailOffset(counting, bytes.length, 3)).toBe(bytes.length - 300);
    expect(read).toBeLessThanOrEqual(READ_BYTES);
  });
});

describe("reading on", () => {
  test("gives every byte once, in chunks that end at a line's end", async () => {
    const check = async (content: string, step: number) => {
      const bytes = Buffer.from(content);
      const chunks = await collect(
        lineChunks(streamOf(bytes, step), 0, { follow: true, pause: noPause }),
      );
      expect(Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString()).toBe(content);
      for (const { from, bytes: chunk } of chunks) {
        expect(bytes.subarray(from, from + chunk.length).equals(chunk)).toBe(true);
      }
      for (const { bytes: chunk } of chunks.slice(0, -1)) expect(chunk.at(-1)).toBe(0x0a);
    };
    await fc.assert(fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), check));
  });

  test("follows a stream that grows, and ends when the agent has ended", async () => {
    const steps = ["one\ntw", "", "o\nthree"];
    let at = 0;
    let content = "";
    const growing: ReadRange = (from, maxBytes) =>
      streamOf(Buffer.from(content), READ_BYTES, at === steps.length)(from, maxBytes);
    const pause = async () => {
      content += steps[at] ?? "";
      at += 1;
    };
    const lines = (await collect(lineChunks(growing, 0, { follow: true, pause }))).flatMap(linesOf);
    expect(lines).toEqual([
      { offset: 0, line: "one" },
      { offset: 4, line: "two" },
      { offset: 8, line: "three" },
    ]);
  });

  test("without following ends at the end, though the agent goes on", async () => {
    const living = streamOf(Buffer.from("one\ntwo"), READ_BYTES, false);
    const lines = (await collect(lineChunks(living, 0, { follow: false, pause: noPause }))).flatMap(
      linesOf,
    );
    expect(lines.map(({ line }) => line)).toEqual(["one", "two"]);
  });
});

describe("a gap", () => {
  /** As the daemon answers: an offset in the gap is answered from behind it. */
  const withGap = (bytes: Buffer, gap: { from: number; to: number }): ReadRange => {
    return async (asked, maxBytes) => {
      const from = asked >= gap.from && asked < gap.to ? gap.to : asked;
      const end = from < gap.from ? Math.min(gap.from, from + maxBytes) : from + maxBytes;
      const part = bytes.subarray(from, end);
      const next = from + part.length;
      return { data: part.toString("base64"), from, next, size: bytes.length, ended: true };
    };
  };

  test("ends the line that it cuts off, and moves no offset", async () => {
    const bytes = Buffer.from("one\ntwo\nthree\nfour\n");
    const read = withGap(bytes, { from: 5, to: 10 });
    const chunks = await collect(lineChunks(read, 0, { follow: false, pause: noPause }));
    expect(chunks.flatMap(linesOf)).toEqual([
      { offset: 0, line: "one" },
      { offset: 4, line: "t" },
      { offset: 10, line: "ree" },
      { offset: 14, line: "four" },
    ]);
  });

  test("ends the look for the last lines", async () => {
    const bytes = Buffer.from("one\ntwo\nthree\nfour\n");
    const read = withGap(bytes, { from: 5, to: 10 });
    expect(await tailOffset(read, bytes.length, 1)).toBe(14);
    expect(await tailOffset(read, bytes.length, 3)).toBe(10);
    expect(await tailOffset(withGap(bytes, { from: 5, to: 19 }), 19, 3)).toBe(19);
  });
});
