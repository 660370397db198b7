/** Leads are found where looking at every place finds them, with vectors and without. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { vectorCode } from "../../../src/kernel/vectors.ts";
import {
  FIND_LEADS_SOURCE_SHA256,
  FIND_LEADS_WASM,
  type LeadFinder,
  leadFinder,
} from "../../../src/output/find-leads.ts";

const WAT = join(import.meta.dirname, "../../../src/output/find-leads.wat");
const WINDOW_BYTES = 32_768;

function finderOf(leads: readonly string[], hasVectors: boolean): LeadFinder {
  const finder = hasVectors ? leadFinder() : leadFinder(() => null);
  for (const lead of leads) finder.add(lead);
  return finder;
}

function placesOf(finder: LeadFinder, bytes: Buffer): readonly number[] {
  const places: number[] = [];
  finder.visit(bytes, (at) => void places.push(at));
  return places;
}

function naive(leads: readonly string[], bytes: Buffer): readonly number[] {
  const text = bytes.toString("latin1");
  return Array.from(bytes.keys()).filter((at) => leads.some((lead) => text.startsWith(lead, at)));
}

/** Few letters, so that almost is as frequent as never; also those of the highest and the lowest number. */
const letter = fc.constantFrom("a", "b", "q", "\u0000", "\u00ff");
const anyLeads = fc.array(fc.string({ unit: letter, minLength: 2, maxLength: 3 }), {
  maxLength: 20,
});

describe.for([true, false])("vectors: %s", (hasVectors) => {
  test("every lead in a text of any length, and nothing else", () => {
    fc.assert(
      fc.property(
        anyLeads,
        fc.string({ unit: letter, maxLength: 100 }),
        fc.constantFrom(0, 1, 2_000, 2_048, WINDOW_BYTES, 2 * WINDOW_BYTES),
        (leads, text, before) => {
          const bytes = Buffer.from("x".repeat(before).slice(text.length >> 1) + text, "latin1");
          expect(placesOf(finderOf(leads, hasVectors), bytes)).toEqual(naive(leads, bytes));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("one that is added later is found from then on, and what lay there before is not", () => {
    const finder = finderOf(["ab"], hasVectors);
    const bytes = Buffer.alloc(3_000, "-");
    bytes.write("abc", 2_500);
    expect(placesOf(finder, bytes)).toEqual([2_500]);
    finder.add("bc-");
    expect(placesOf(finder, bytes)).toEqual([2_500, 2_501]);
    expect(placesOf(finder, bytes.subarray(0, 2_503))).toEqual([2_500]);
    expect(placesOf(finder, bytes.subarray(0, 2_501))).toEqual([]);
    expect(placesOf(finder, Buffer.alloc(0))).toEqual([]);
  });

  test("a text of leads only is told whole", () => {
    const bytes = Buffer.alloc(2 * WINDOW_BYTES + 5, "a");
    const places = placesOf(finderOf(["aa"], hasVectors), bytes);
    expect(places.length).toBe(bytes.length - 1);
    expect(places.every((at, nth) => at === nth)).toBe(true);
  });
});

test("vectors are there wherever the tests run", () => {
  expect(vectorCode(FIND_LEADS_WASM)).not.toBeNull();
  expect(vectorCode(Buffer.from("no code").toString("base64"))).toBeNull();
});

test("the compiled search is that of its source", () => {
  const hash = createHash("sha256").update(readFileSync(WAT)).digest("hex");
  expect(hash).toBe(FIND_LEADS_SOURCE_SHA256);
});

test.skipIf(spawnSync("wat2wasm", ["--version"]).status !== 0)(
  "the source compiles to exactly that (wabt)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "find-leads-"));
    const compiled = join(folder, "find-leads.wasm");
    execFileSync("wat2wasm", [WAT, "-o", compiled]);
    expect(readFileSync(compiled).toString("base64")).toBe(FIND_LEADS_WASM);
    rmSync(folder, { recursive: true });
  },
);
