/** One runner per agent, ever: by a lock of the kernel's that the agent inherits. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../../src/adapters/containment/open-containment.ts";
import { RUNNER_SCRIPT } from "../../../src/runner/runner-script.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../../fixtures/agents/sandbox.ts";
import { tagged, until } from "../../fixtures/agents/tagged.ts";

/** What a runner leaves with that found another: EX_TEMPFAIL of sysexits.h. */
const REFUSED = 75;

let box: Sandbox;
let containment: OpenContainment;
let one: Prepared;

beforeEach(async ({ skip }) => {
  box = sandbox();
  const { worldName, worldHard } = box;
  containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
  const script = "if (!fork) { use POSIX; POSIX::setsid(); sleep 300 } sleep 300";
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  one = await prepare(box.directory, containment, argv, { wallClockS: 600 });
  if (containment.flock === null) skip("no flock(1) here");
});

afterEach(async () => {
  await containment.kill(one.set, 5_000);
  await containment.remove(one.set);
  await expect.poll(() => containment.lookEverywhere()).toEqual([]);
  expect(await containment.removeRoots()).not.toContain("kept");
  box[Symbol.dispose]();
});

/** Every record with its text. */
function records(): Readonly<Record<string, string>> {
  const names = readdirSync(one.directory);
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(one.directory, name), "utf8")]),
  );
}

function isLocked(): boolean {
  const path = join(one.directory, "stderr.log");
  return spawnSync(containment.flock ?? "", ["-n", path, "true"]).status === 1;
}

async function refused(): Promise<void> {
  const before = records();
  const agents = tagged(box.tag);
  expect((await startRunner(one, containment).ended)[0]).toBe(REFUSED);
  expect(records()).toEqual(before);
  expect(tagged(box.tag)).toEqual(agents);
}

test("a second runner leaves and changes nothing while the first lives", async () => {
  const { ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 2);
  await refused();
  await containment.kill(one.set, 5_000);
  await ended;
});

test("of several at once one starts the agent, once", async () => {
  const runners = Array.from({ length: 6 }, () => startRunner(one, containment));
  await until("it runs", () => tagged(box.tag).length === 2);
  const first = await Promise.race(runners.map(({ ended }) => ended));
  expect(first[0]).toBe(REFUSED);
  await expect.poll(() => runners.filter(({ child }) => child.exitCode === REFUSED).length).toBe(5);
  expect(tagged(box.tag)).toHaveLength(2);
  await containment.kill(one.set, 5_000);
  await Promise.all(runners.map(({ ended }) => ended));
});

test("its agent, and what that left behind, keep a killed runner's lock", async () => {
  const { child, ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 2);
  const runner = containment.identify(child.pid ?? 0);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  await ended;
  await containment.endCompanions(runner!); // its wall clock held it, too
  await refused();
  const started = JSON.parse(readFileSync(join(one.directory, "started.json"), "utf8"));
  process.kill(started.pid, "SIGKILL");
  await until("its child is left alone", () => tagged(box.tag).length === 1);
  await refused();
  expect(isLocked()).toBe(true);
  await containment.kill(one.set, 5_000);
  await expect.poll(isLocked).toBe(false); // the kernel has dropped it: nothing stale to take over
});

test("an agent whose end is recorded is never started again", async () => {
  const { ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 2);
  await containment.kill(one.set, 5_000);
  await ended;
  expect(isLocked()).toBe(false);
  const before = exitOf(one.directory);
  await refused();
  expect(exitOf(one.directory)).toEqual(before);
});
