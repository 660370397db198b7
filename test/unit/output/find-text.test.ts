/** A search with vectors finds what Node's own search finds, wherever it begins and ends. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  FIND_TEXT_SOURCE_SHA256,
  FIND_TEXT_WASM,
  PIECE_BYTES,
  pieceBuffer,
  textSearch,
} from "../../../src/adapters/regex/find-text.ts";
import { scanFile } from "../../../src/adapters/regex/scan-file.ts";
import { lineFinder } from "../../../src/adapters/regex/scan-lines.ts";
import { planOf } from "../../../src/output/pattern-plan.ts";

const WAT = join(import.meta.dirname, "../../../src/adapters/regex/find-text.wat");
/** Few letters, so that almost is as frequent as never. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "b", "\n"), minLength, maxLength });

/** Every place, asked for one after the other. */
function placesOf(next: (from: number) => number): readonly number[] {
  const places: number[] = [];
  for (let at = next(0); at >= 0; at = next(at + 1)) places.push(at);
  return places;
}

test("finds every place of a text that indexOf finds, anywhere in a piece", () => {
  const piece = pieceBuffer();
  fc.assert(
    fc.property(
      letters(0, 400),
      letters(2, 12),
      fc.nat(),
      fc.nat(100),
      (content, words, nth, at) => {
        const text = Buffer.from(words);
        const bytes = piece.subarray(at, at + piece.subarray(at).write(content));
        // What lies behind must not count.
        piece.fill(words, at + content.length, at + content.length + 200);
        const search = textSearch(text, nth % text.length, bytes)!;
        expect(search.reaches(bytes)).toBe(true);
        search.begin();
        expect(placesOf((from) => search.next(bytes, from))).toEqual(
          placesOf((from) => bytes.indexOf(text, from)),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test("reaches to the very end of a piece, and no other buffer", () => {
  const piece = pieceBuffer().fill("x");
  const text = Buffer.from(`needle${"z".repeat(200)}`);
  const search = textSearch(text, 3, piece)!;
  text.copy(piece, PIECE_BYTES - text.length);
  search.begin();
  expect(search.next(piece, 0)).toBe(PIECE_BYTES - text.length);
  expect(search.next(piece.subarray(0, PIECE_BYTES - 1), 0)).toBe(-1);
  expect(search.next(piece, PIECE_BYTES - 5)).toBe(-1);
  expect(search.reaches(Buffer.from("needle"))).toBe(false);
  expect(textSearch(Buffer.from("n"), 0, piece)).toBeNull();
  expect(textSearch(Buffer.alloc(5_000, "n"), 0, piece)).toBeNull();
});

test("lines with texts of common letters are found as all lines are, in files and beside each other", () => {
  const folder = mkdtempSync(join(tmpdir(), "find-text-"));
  const path = join(folder, "file");
  const line = (nth: number) =>
    `${nth} seen on the sea ${nth % 97 === 0 ? "another one" : "an other one"} ${nth % 31 === 0 ? "eastern" : "e stern"}\n`;
  const content = Array.from({ length: 60_000 }, (_, nth) => line(nth)).join("");
  writeFileSync(path, content);
  const limit = content.length;
  for (const pattern of ["another one", "eastern", "another one|eastern", "nowhere on the sea"]) {
    const regexp = new RegExp(pattern);
    let at = 0;
    const expected = content.split("\n").flatMap((text) => {
      const from = at;
      at += text.length + 1;
      return regexp.test(text) ? [from, at] : [];
    });
    const found = scanFile(
      { path, from: 0, to: limit, limit },
      lineFinder(pattern, planOf(pattern)),
      () => true,
    );
    expect(found).toEqual(expected);
  }
  rmSync(folder, { recursive: true });
});

test("the compiled search is that of its source", () => {
  const hash = createHash("sha256").update(readFileSync(WAT)).digest("hex");
  expect(hash).toBe(FIND_TEXT_SOURCE_SHA256);
});

test.skipIf(spawnSync("wat2wasm", ["--version"]).status !== 0)(
  "the source compiles to exactly that (wabt)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "find-text-"));
    const compiled = join(folder, "find-text.wasm");
    execFileSync("wat2wasm", [WAT, "-o", compiled]);
    expect(readFileSync(compiled).toString("base64")).toBe(FIND_TEXT_WASM);
    rmSync(folder, { recursive: true });
  },
);
