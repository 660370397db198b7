/** A trial of the mark that came to no end is unknown, never "there is no prlimit". */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPrlimit, firstExecutable } from "../../../../src/adapters/containment/find-prlimit.ts";

const MARK = { soft: 400_001, hard: 780_123 };
const REAL = firstExecutable("prlimit");
/** Long enough for a shell on a busy machine, except where it is meant to run out. Milliseconds. */
const PATIENT_MS = 20_000;
const IMPATIENT_MS = 300;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prlimit-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A program in prlimit's place; it writes a line for each time that it was started. */
function standIn(text: string): () => string {
  const path = join(folder, "prlimit");
  writeFileSync(path, `#!/bin/sh\necho started >>"${folder}/starts"\n${text}\n`, { mode: 0o700 });
  return () => path;
}

const starts = (): number => readFileSync(join(folder, "starts"), "utf8").split("\n").length - 1;

test.skipIf(REAL === null)(
  "the real one marks a process, or says by a number that it may not",
  async () => {
    const { path, detail } = await findPrlimit(MARK, undefined, PATIENT_MS);
    expect(path === REAL || detail.startsWith(`${REAL} failed`)).toBe(true);
  },
);

test("a refusal is believed at once", async () => {
  const find = standIn("echo 'prlimit: Operation not permitted' >&2; exit 1");
  await expect(findPrlimit(MARK, find, PATIENT_MS)).resolves.toMatchObject({ path: null });
  expect(starts()).toBe(1);
});

test("one that sets nothing is none", async () => {
  const find = standIn("shift 2; exec env -i /bin/cat /proc/self/limits");
  const found = await findPrlimit(MARK, find, PATIENT_MS);
  expect(found).toEqual({ path: null, detail: `${find()} did not set RLIMIT_MSGQUEUE` });
});

test("one that never answers is tried again, and then nothing is concluded", async () => {
  const find = standIn("exec sleep 60");
  await expect(findPrlimit(MARK, find, IMPATIENT_MS)).rejects.toMatchObject({
    code: "PROBE_FAILED",
    retryable: true,
  });
});

test.skipIf(REAL === null)("one that was killed once is believed the second time", async () => {
  const find = standIn(`[ "$(wc -l <"${folder}/starts")" -gt 1 ] || kill -KILL $$
exec ${REAL} "$@"`);
  const { detail } = await findPrlimit(MARK, find, PATIENT_MS);
  expect(starts()).toBe(2);
  expect(detail).not.toContain("could not be tried");
});
