/** Conversations of agent CLIs as files: a look that failed is no absence, and no link is followed. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyFolder, hasFile } from "../../../../src/adapters/fs/session-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sessions-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function place(...path: readonly string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, "said");
  return file;
}

test("a session is found by the end of its name, some folders deep", () => {
  place("2026", "11", "26", "rollout-2026-11-26-abc.jsonl");
  expect(hasFile(folder, ["-abc.jsonl"])).toBe(true);
  expect(hasFile(folder, ["-ab.jsonl", "-abc.json"])).toBe(false);
  expect(hasFile(join(folder, "2025"), ["-abc.jsonl"])).toBe(false);
  mkdirSync(join(folder, "x-def.jsonl"));
  expect(hasFile(folder, ["-def.jsonl"]), "a folder is no session").toBe(false);
});

test("what could not be looked at is not gone", () => {
  const loop = join(folder, "loop");
  symlinkSync(loop, loop);
  expect(hasFile(loop, ["-abc.jsonl"])).toBe(true);
});

test("plain files come along, 0600 in 0700; links and what is there already do not change", () => {
  const secret = place("outside.txt");
  place("from", "a", "b.jsonl");
  symlinkSync(secret, join(folder, "from", "a", "link"));
  const to = join(folder, "new", "to");
  copyFolder(join(folder, "from"), to);
  expect(readdirSync(join(to, "a"))).toEqual(["b.jsonl"]);
  expect(readFileSync(join(to, "a", "b.jsonl"), "utf8")).toBe("said");
  expect(lstatSync(join(to, "a", "b.jsonl")).mode & 0o777).toBe(0o600);
  expect(statSync(join(to, "a")).mode & 0o777).toBe(0o700);
  writeFileSync(join(to, "a", "b.jsonl"), "another");
  expect(() => copyFolder(join(folder, "from"), to)).toThrow(/EEXIST/);
  expect(readFileSync(join(to, "a", "b.jsonl"), "utf8")).toBe("another");
});
