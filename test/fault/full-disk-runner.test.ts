/** G3 on a full disk: the runner, without a daemon, writes down how its agent ended. Root mounts the disk. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../src/adapters/containment/open-containment.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "../helpers/small-disk.ts";

const MEGABYTES = 2;
const INODES = 40;
const PIECE_BYTES = 65_536;

describe.skipIf(!canMount())("a disk without room", () => {
  let box: Sandbox;
  let containment: OpenContainment;
  let disk: SmallDisk;
  let place: string;

  beforeEach(async () => {
    box = sandbox();
    const { worldName, worldHard } = box;
    containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
    place = join(box.directory, "disk");
    disk = mountSmallDisk(place, MEGABYTES, INODES);
  });

  afterEach(async () => {
    expect(await containment.lookEverywhere()).toEqual([]);
    expect(await containment.removeRoots()).not.toContain("kept");
    disk[Symbol.dispose]();
    box[Symbol.dispose]();
  });

  /** An agent on the disk that runs until `go` is made outside of it. */
  async function waiting(
    ballast?: string,
    wallClockS?: number,
  ): Promise<{ readonly one: Prepared; readonly end: () => Promise<unknown> }> {
    const go = join(box.directory, "go");
    const script = `until (-e "${go}") { select undef, undef, undef, 0.01 } exit 7`;
    const one = await prepare(place, containment, ["/usr/bin/perl", "-e", script, box.tag], {
      ...(ballast === undefined ? {} : { ballast }),
      ...(wallClockS === undefined ? {} : { wallClockS }),
    });
    const { ended } = startRunner(one, containment);
    await expect.poll(() => existsSync(join(one.directory, "started.json"))).toBe(true);
    const end = async () => {
      writeFileSync(go, "");
      await ended;
      await containment.remove(one.set);
    };
    return { one, end };
  }

  test("the record is written over the room that was taken for it", async () => {
    const { one, end } = await waiting();
    disk.fill();
    await end();
    expect(exitOf(one.directory)).toMatchObject({ code: 7, signal: null, timedOut: false });
    expect(readdirSync(one.directory)).not.toContain("exit.json.tmp");
  });

  test("a wall clock that ran out is told, too", async () => {
    const { one, end } = await waiting(undefined, 1);
    disk.fill();
    await expect.poll(() => exitOf(one.directory), { timeout: 15_000 }).not.toBe(null);
    await end();
    expect(exitOf(one.directory)).toMatchObject({ signal: "SIGTERM", timedOut: true });
  });

  test("without a free inode the record is written", async () => {
    const { one, end } = await waiting();
    disk.fillInodes();
    await end();
    expect(exitOf(one.directory)).toMatchObject({ code: 7 });
  });

  test("where that room is gone, a piece of the ballast is emptied and no other file", async () => {
    const ballast = join(place, "ballast");
    mkdirSync(ballast);
    for (const piece of ["1", "2"])
      writeFileSync(join(ballast, piece), Buffer.alloc(PIECE_BYTES, 1));
    const theirs = join(place, "theirs");
    writeFileSync(theirs, "a file of somebody else's");
    const { one, end } = await waiting(ballast);
    for (const taken of ["exit.json.tmp", ".clock"]) rmSync(join(one.directory, taken));
    disk.fill();
    await end();
    expect(exitOf(one.directory)).toMatchObject({ code: 7 });
    expect(["1", "2"].map((piece) => statSync(join(ballast, piece)).size)).toEqual([
      0,
      PIECE_BYTES,
    ]);
    expect(readFileSync(theirs, "utf8")).toBe("a file of somebody else's");
  });

  test("a link in the ballast's place is not followed", async () => {
    const theirs = join(place, "theirs");
    writeFileSync(theirs, "a file of somebody else's");
    const ballast = join(place, "ballast");
    mkdirSync(ballast);
    symlinkSync(theirs, join(ballast, "1"));
    writeFileSync(join(ballast, "2"), Buffer.alloc(PIECE_BYTES, 1));
    const { one, end } = await waiting(ballast);
    for (const taken of ["exit.json.tmp", ".clock"]) rmSync(join(one.directory, taken));
    disk.fill();
    await end();
    expect(exitOf(one.directory)).toMatchObject({ code: 7 });
    expect(readFileSync(theirs, "utf8")).toBe("a file of somebody else's");
  });
});
