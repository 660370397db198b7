/** G4: every line whose write() succeeded is in the stream, whatever of Corral is killed meanwhile. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { identityOf, markedBy } from "../helpers/fault-reckoning.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";
import { type Deployed, makePlace, type Place } from "./place.ts";
import { timesOf } from "./timing.ts";

const WRITER = join(import.meta.dirname, "agents/counting-writer.pl");
const LINE_BYTES = 100;
/** More than a round lasts, and few enough for the disk. */
const MOST_LINES = 150_000;
const LINES_BEFORE = 2_000;
/** How long the writer goes on after the kill. */
const AFTER_MS = 30;

interface Round {
  readonly place: Place;
  readonly agent: Deployed;
  daemon: ChildProcess;
}

interface Kill {
  readonly name: string;
  /** Kills; may start a daemon again. The agent is ended afterwards. */
  readonly kill: (round: Round) => Promise<void>;
}

const KILLS: readonly Kill[] = [
  {
    name: "SIGKILL of the daemon",
    kill: async (round) => {
      await round.place.kill(round.daemon);
      await sleep(AFTER_MS);
      round.daemon = await round.place.start();
    },
  },
  {
    name: "SIGKILL of the runner",
    kill: async ({ agent }) => {
      const record = JSON.parse(readFileSync(join(agent.workspace, "runner.json"), "utf8"));
      process.kill(Number(record.pid), "SIGKILL");
    },
  },
  {
    name: "SIGKILL of the tmux server",
    kill: async ({ place }) => {
      const server = markedBy(identityOf(place.world)).find(({ name }) => name === "tmux: server");
      if (server === undefined) throw new Error("there is no tmux server");
      process.kill(server.pid, "SIGKILL");
    },
  },
  { name: "kill_real_agent", kill: async ({ place, agent }) => place.end(agent) },
];

/** Bytes that were acknowledged and are not in the stream, or are there twice or torn. */
function lostBytes(agent: Deployed, counter: string): { written: number; lost: number } {
  const written = Number(readFileSync(counter).readBigUInt64LE());
  const path = join(agent.workspace, "stream.jsonl");
  const stream = readFileSync(path, "latin1");
  truncateSync(path); // it was looked at, and the long form would fill the disk
  const numbers = stream.split("\n").slice(0, -1).map(numberOf);
  const good = numbers.filter((number, index) => number === index + 1).length;
  // A write that the kill interrupted was never acknowledged: its line may be there, in part or whole.
  const torn = stream.slice(good * LINE_BYTES);
  const isMore = good > written + 1 || !lineOf(good + 1).startsWith(torn);
  const missing = Math.max(0, written - good);
  return { written, lost: (missing + (isMore ? 1 : 0)) * LINE_BYTES };
}

/** The line that the writer writes for a number. */
function lineOf(number: number): string {
  return `line ${String(number).padStart(12, "0")} `.padEnd(LINE_BYTES - 1, "x") + "\n";
}

function numberOf(line: string): number | null {
  const match = /^line (\d{12}) x+$/.exec(line);
  return match === null || line.length !== LINE_BYTES - 1 ? null : Number(match[1]);
}

describe("a counting writer at full rate", () => {
  test.for(KILLS)("$name", async ({ name, kill }) => {
    await using place = await makePlace();
    let daemon = await place.start();
    const taskId = await place.task();
    const times: number[] = [];
    let [lines, lost] = [0, 0];
    for (let nth = 0; nth < COUNTS.logKills; nth += 1) {
      const counter = join(place.project, `counter-${nth}`);
      const argv = ["/usr/bin/perl", WRITER, counter, String(MOST_LINES)];
      const agent = await place.deploy(argv, taskId);
      await waitFor("its first lines", () =>
        existsSync(counter) && writtenIn(counter) >= LINES_BEFORE ? true : undefined,
      );
      const round: Round = { place, agent, daemon };
      const from = performance.now();
      await kill(round);
      await sleep(AFTER_MS);
      daemon = round.daemon;
      await place.end(agent).catch(() => undefined); // it may have been ended by the kill
      await place.clean([agent.agent_id]);
      times.push(performance.now() - from);
      const seen = lostBytes(agent, counter);
      lines += seen.written;
      lost += seen.lost;
    }
    const left = await place.down(daemon);
    addRow({
      place: 5,
      test: `log truth: ${name}`,
      count: `${COUNTS.logKills} ×`,
      left: `${lost} bytes lost`,
      worst: timesOf(times),
      also: `of ${lines * LINE_BYTES} bytes written`,
    });
    expect(lines).toBeGreaterThanOrEqual(COUNTS.logKills * LINES_BEFORE);
    expect(lost).toBe(0);
    expect(left).toEqual([]);
  });
});

function writtenIn(counter: string): number {
  const bytes = readFileSync(counter);
  return bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE());
}
