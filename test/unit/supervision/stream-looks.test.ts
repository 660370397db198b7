/** When the streams of an agent are looked at, and when an earlier look has to do. */
import { expect, test } from "vitest";
import type { Setting } from "../../../src/supervision/setting.ts";
import { pauseAfter, streamLooks } from "../../../src/supervision/stream-looks.ts";

const A = { id: "a", directory: "/a" };
const B = { id: "b", directory: "/b" };
const START = 1_000_000;

/** Streams that grow as the test says, and the looks that they got. */
function stage() {
  const sizes: Record<string, number> = { "/a": 0, "/b": 0 };
  const looked: string[] = [];
  const clock = { at: START, now: () => clock.at };
  const looks = streamLooks({
    clock,
    configuration: () => ({ disk_look_ms: 5_000 }),
    disk: {
      streamsIn(directory: string) {
        looked.push(directory);
        return { stdoutBytes: sizes[directory]!, stderrBytes: 0, diskBytes: 0, writtenAt: 0 };
      },
    },
  } as unknown as Setting);
  /** Asks every 100 ms for so long. @returns the times of the looks at A, since the beginning. */
  const ask = (forMs: number): number[] => {
    const times: number[] = [];
    for (const end = clock.at + forMs; clock.at < end; clock.at += 100) {
      const before = looked.length;
      looks.of(A);
      if (looked.length > before) times.push(clock.at - START);
    }
    return times;
  };
  return { ask, clock, looked, looks, sizes };
}

test("pauses follow the silence, between a least one and ten seconds", () => {
  const pauses = [0, 20_000, 50_000, 100_000, 1e9].map((silence) => pauseAfter(silence, 2_000));
  expect(pauses).toEqual([1_800, 1_800, 4_800, 9_800, 9_800]);
  expect(pauseAfter(0, 100)).toBe(90);
});

test("whoever asks between two looks gets what was seen by the last one", () => {
  const { clock, looked, looks, sizes } = stage();
  expect(looks.of(A)).toMatchObject({ stdoutBytes: 0, lookedAt: START });
  sizes["/a"] = 7;
  clock.at += 1_000;
  expect(looks.of(A)).toMatchObject({ stdoutBytes: 0, lookedAt: START });
  clock.at += 1_000;
  expect(looks.of(A)).toMatchObject({ stdoutBytes: 7, lookedAt: START + 2_000 });
  expect(looked).toHaveLength(2);
});

test("one that is silent is looked at less and less often, and again at once when it has grown", () => {
  const { ask, sizes } = stage();
  const times = ask(600_000);
  expect(times.length).toBeLessThan(90);
  expect(times.at(-1)! - times.at(-2)!).toBe(9_800);
  sizes["/a"] = 1;
  const [seen, ...next] = ask(20_000);
  expect(seen! - times.at(-1)!).toBeLessThanOrEqual(10_000);
  expect(next.map((time, nth) => time - (next[nth - 1] ?? seen!))).toEqual(next.map(() => 1_800));
});

test("a sign of life, a short disk and a clock that was set back have it looked at now", () => {
  const { ask, clock, looked, looks } = stage();
  ask(600_000);
  const looksSoFar = (): number => looked.length;
  const before = looksSoFar();
  looks.wake("a");
  looks.of(A);
  expect(looksSoFar()).toBe(before + 1);
  looks.of(A);
  expect(looksSoFar()).toBe(before + 1);
  looks.now(A);
  expect(looksSoFar()).toBe(before + 2);
  clock.at -= 3_600_000;
  looks.of(A);
  expect(looksSoFar()).toBe(before + 3);
});

test("who is not live any more is forgotten, and a sign of life of nobody known is nothing", () => {
  const { looked, looks } = stage();
  looks.of(A);
  looks.of(B);
  looks.keepOnly([B]);
  looks.wake("a");
  looks.of(B);
  looks.of(A);
  expect(looked).toEqual(["/a", "/b", "/a"]);
});
