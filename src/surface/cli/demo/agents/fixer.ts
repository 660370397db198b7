/** Finds the bug by running the repository's own tests against small changes, and keeps the one that heals them. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { repairCandidates } from "./repair.ts";
import type { Candidate } from "./repair.ts";
import { git, introduceSelf, say, trackedFiles } from "./self.ts";

/** A candidate may loop for ever; the tests of a small repository take far less. */
const TEST_TIMEOUT_MS = 5_000;

interface TestRun {
  readonly passed: boolean;
  /** `"2 pass, 1 fail"`. */
  readonly summary: string;
}

interface Fix extends Candidate {
  readonly file: string;
  readonly tried: number;
}

const self = await introduceSelf();
const first = runTests();
await self.report("working", 20, `Ran the tests before touching anything: ${first.summary}.`);
const fix = first.passed ? null : search();
await (fix === null ? giveUp() : keep(fix));
await self.link.close();

function runTests(): TestRun {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--test", "--test-reporter=tap", ...trackedFiles(".test.js")],
    { encoding: "utf8", timeout: TEST_TIMEOUT_MS, killSignal: "SIGKILL" },
  );
  const count = (what: string) => new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? "?";
  return { passed: status === 0, summary: `${count("pass")} pass, ${count("fail")} fail` };
}

function search(): Fix | null {
  let tried = 0;
  for (const file of trackedFiles(".js").filter((path) => path.startsWith("src/"))) {
    const original = readFileSync(file, "utf8");
    for (const candidate of repairCandidates(original)) {
      tried += 1;
      writeFileSync(file, candidate.source);
      const { passed, summary } = runTests();
      say(`try ${tried}: ${file}:${candidate.line} ${candidate.after} → ${summary}`);
      if (passed) return { ...candidate, file, tried };
    }
    writeFileSync(file, original);
  }
  return null;
}

async function keep({ file, line, before, after, tried }: Fix): Promise<void> {
  say(git("diff", "--unified=1"));
  await self.find("solution", "medium", `${file}:${line} left out the last item.`, {
    file,
    line,
    before,
    after,
    tried,
  });
  const { summary } = runTests();
  await self.report(
    "completed",
    100,
    `Fixed ${file}:${line} ("${before}" is now "${after}") after ${tried} tried changes; verified by running the repository's tests again: ${summary}.`,
  );
}

async function giveUp(): Promise<void> {
  const why = first.passed ? "The tests pass, so there is nothing to fix" : "No small change helps";
  await self.report("failed", 100, `${why}; every file is as it was.`);
  process.exitCode = 1;
}
