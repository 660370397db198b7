/** The threads behind filters: kept for the next one, ended when they hang, and never more than a few. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type MatcherLimits,
  threadLineMatcher,
  type ThreadLineMatcher,
} from "../../../src/adapters/regex/line-matcher.ts";
import { MATCHER_THREAD_NAME } from "../../../src/adapters/regex/matcher-thread.ts";
import { planOf } from "../../../src/output/pattern-plan.ts";

const block = (text: string) => new Uint8Array(Buffer.from(text));

/** Ids of the threads that search, as the system lists them. */
const threads = (): readonly string[] =>
  readdirSync("/proc/self/task").filter((id) => nameOf(id).startsWith(MATCHER_THREAD_NAME));

function nameOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, "utf8");
  } catch {
    // It ended while the list was read.
    return "";
  }
}

/** Processor time of a thread in the clock ticks of the system. */
function ticksOf(thread: string): number {
  const fields = readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

let folder = "";
let matchers: ThreadLineMatcher[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "threads-"));
  matchers = [];
});
afterEach(async () => {
  await Promise.all(matchers.map((one) => one.close()));
  rmSync(folder, { recursive: true });
});

function matcherWith(limits: Partial<MatcherLimits>): ThreadLineMatcher {
  const matcher = threadLineMatcher(limits);
  matchers.push(matcher);
  return matcher;
}

// Only Linux lists the threads of a process in files.
describe.skipIf(process.platform !== "linux")("threads of the matcher", () => {
  test("a thread serves one session after the other, and ends when nobody came", async () => {
    const matcher = matcherWith({ idleMs: 2_000, quietMs: 20_000 });
    const seen: (readonly string[])[] = [];
    for (const [pattern, lines] of [
      ["a.", [0]],
      ["b.", [3]],
    ] as const) {
      const session = await matcher.open(pattern, planOf(pattern));
      expect(await session.match(block("ab\nbb\n"))).toEqual(lines);
      seen.push(threads());
      await session.close();
    }
    expect(seen[0]).toHaveLength(1);
    expect(seen[1]).toEqual(seen[0]);
    await vi.waitUntil(() => threads().length === 0, { timeout: 10_000 });
  });

  test("two threads at the most are kept, however many have searched", async () => {
    const matcher = matcherWith({ sessions: 3, quietMs: 20_000 });
    const sessions = await Promise.all(
      ["a.", "b.", "c."].map((one) => matcher.open(one, planOf(one))),
    );
    await Promise.all(sessions.map((one) => one.match(block("ab\n"))));
    expect(threads()).toHaveLength(3);
    await Promise.all(sessions.map((one) => one.close()));
    await vi.waitUntil(() => threads().length === 2, { timeout: 10_000 });
  });

  test("a thread that hangs in a pattern is ended, and the next session gets another", async () => {
    const matcher = matcherWith({ blockMs: 300 });
    const evil = await matcher.open("^(a+)+$", planOf("^(a+)+$"));
    const stopped = evil.match(block(`${"a".repeat(40)}!\n`));
    await vi.waitUntil(() => threads().length === 1);
    const [hung] = threads();
    await expect(stopped).rejects.toMatchObject({ code: "FILTER_INVALID" });
    await evil.close();
    const next = await matcher.open("b.", planOf("b."));
    expect(await next.match(block("ab\nbb\n"))).toEqual([3]);
    expect(threads()).not.toContain(hung);
    await next.close();
  });

  test("one that hangs when its session is closed does not reach the next one either", async () => {
    const matcher = matcherWith({ blockMs: 60_000, sessions: 1 });
    const evil = await matcher.open("^(a+)+$", planOf("^(a+)+$"));
    expect(await evil.match(block("b\n"))).toEqual([]);
    const [hung = ""] = threads();
    const before = ticksOf(hung);
    const abandoned = evil.match(block(`${"a".repeat(40)}!\n`));
    abandoned.catch(() => {});
    // It is in the pattern once it has used the processor for some time.
    await vi.waitUntil(() => ticksOf(hung) > before + 10, { timeout: 20_000 });
    await evil.close();
    await expect(abandoned).rejects.toMatchObject({ code: "FILTER_INVALID" });
    const next = await matcher.open("b.", planOf("b."));
    expect(await next.match(block("ab\nbb\n"))).toEqual([3]);
    expect(threads()).not.toContain(hung);
    await next.close();
  });

  test("what a closed session still asked is dropped, and its thread is ready for the next", async () => {
    const path = join(folder, "large");
    const limit = 64 * 1_048_576;
    writeFileSync(path, Buffer.alloc(limit, "x1234567\n"));
    const matcher = matcherWith({ quietMs: 20_000 });
    const first = await matcher.open("[abc]\\d", planOf("[abc]\\d"));
    const bring = { from: 0, nearBytes: 0, runMaxBytes: 0, aroundBytes: 0, maxBytes: 0 };
    const scans = [1, 2, 3].map(() => first.scan({ path, from: 0, to: limit, limit, bring }));
    await first.close();
    for (const scan of scans) await expect(scan).rejects.toMatchObject({ code: "FILTER_INVALID" });
    const kept = threads();
    const second = await matcher.open("b.", planOf("b."));
    expect(await second.match(block("ab\nbb\n"))).toEqual([3]);
    expect(threads()).toEqual(kept);
    await second.close();
  });

  test("closing the matcher ends what is kept, and what comes back later", async () => {
    const matcher = matcherWith({ quietMs: 20_000 });
    const kept = await matcher.open("a.", planOf("a."));
    const used = await matcher.open("b.", planOf("b."));
    await Promise.all([kept, used].map((one) => one.match(block("ab\n"))));
    await kept.close();
    await matcher.close();
    expect(threads()).toHaveLength(1);
    expect(await used.match(block("ab\nbb\n"))).toEqual([3]);
    await used.close();
    expect(threads()).toHaveLength(0);
  });
});
