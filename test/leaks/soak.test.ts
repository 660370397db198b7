/** G10: many agents, one after another: the daemon's handles, memory and rows stay bounded. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { addRow } from "./closing-table.ts";
import { COUNTS, FORM } from "./counts.ts";
import { AGENTS, makePlace, type Place } from "./place.ts";
import { timesOf } from "./timing.ts";

/** At a time; the next begin when these are clean. */
const TOGETHER = 4;
const AGENTS_PER_TASK = 40;
/** Files open more at the end than after the first tenth. */
const FD_TOLERANCE = 2;
/** What garbage collection has not looked at yet, beside what grows. */
const RSS_TOLERANCE = 1.25;
const REST_MS = 1_000;
/** In the long form memory is looked at after each so many agents, and told at once: a run of hours may be cut short. */
const TELL_EVERY = 500;

/** Ends well, ends badly, ends and leaves four daemons: every third. */
const COMMANDS: readonly (readonly string[])[] = [
  ["/bin/sh", "-c", "echo done"],
  [join(AGENTS, "crasher.sh"), "7"],
  [join(AGENTS, "leaver.sh"), "300"],
];

interface Sample {
  readonly fds: number;
  readonly rssKb: number;
}

function sample(pid: number): Sample {
  const rss = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return { fds: readdirSync(`/proc/${pid}/fd`).length, rssKb: Number(rss) };
}

/** Bytes of the rows, whatever of them is still in the log. */
function databaseBytes({ world }: Place): number {
  const database = new DatabaseSync(world.paths.database, { readOnly: true });
  const one = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
  const bytes = one("PRAGMA page_count") * one("PRAGMA page_size");
  database.close();
  return bytes;
}

test("the daemon after the last agent is as after the first tenth", async () => {
  await using place = await makePlace();
  const daemon = await place.start();
  const pid = daemon.pid ?? 0;
  const [before, times] = [databaseBytes(place), [] as number[]];
  let [first, taskId, done]: [Sample | undefined, string, number] = [undefined, "", 0];
  const course: string[] = [];
  while (done < COUNTS.soakAgents) {
    if (done % AGENTS_PER_TASK === 0) taskId = await place.task();
    const from = performance.now();
    const argvs = Array.from({ length: TOGETHER }, (_, nth) => COMMANDS[(done + nth) % 3]!);
    const agents = await Promise.all(argvs.map((argv) => place.deploy(argv, taskId)));
    await place.clean(agents.map(({ agent_id: id }) => id));
    times.push(performance.now() - from);
    done += TOGETHER;
    if (FORM === "long" && done % TELL_EVERY === 0) {
      const then = sample(pid);
      course.push(mb(then));
      process.stderr.write(`soak: ${done} agents, RSS ${mb(then)} MB, ${then.fds} fds\n`);
    }
    if (first === undefined && done >= COUNTS.soakAgents / 10) {
      await sleep(REST_MS);
      first = sample(pid);
    }
  }
  await sleep(REST_MS);
  const last = sample(pid);
  const perAgent = Math.round((databaseBytes(place) - before) / done);
  const agents = await place.agents();
  const log = statSync(place.world.paths.log, { throwIfNoEntry: false })?.size ?? 0;
  const left = await place.down(daemon);
  addRow({
    place: 4,
    test: "lifecycle soak",
    count: `${done} agents`,
    left: `fds ${first!.fds} → ${last.fds}, RSS ${mb(first!)} → ${mb(last)} MB, ${left.length} left`,
    worst: `${timesOf(times)} for ${TOGETHER} at once`,
    also: `${course.length === 0 ? "" : `RSS after each ${TELL_EVERY}: ${course.join(" ")} MB; `}database ${perAgent} bytes and log ${Math.round(log / done)} bytes per agent; tolerance ${FD_TOLERANCE} fds, ×${RSS_TOLERANCE} RSS`,
  });
  expect(new Set(agents.map(({ status }) => status))).toEqual(new Set(["completed", "failed"]));
  expect(last.fds).toBeLessThanOrEqual(first!.fds + FD_TOLERANCE);
  expect(last.rssKb).toBeLessThanOrEqual(first!.rssKb * RSS_TOLERANCE);
  expect(left).toEqual([]);
});

function mb({ rssKb }: Sample): string {
  return (rssKb / 1_024).toFixed(0);
}
