/** The runner, started for real without a daemon: what it writes down and what it clears. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../../src/adapters/containment/open-containment.ts";
import { parseStarted } from "../../../src/runner/records.ts";
import { RUNNER_SCRIPT } from "../../../src/runner/runner-script.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../../fixtures/agents/sandbox.ts";
import { tagged, until } from "../../fixtures/agents/tagged.ts";

let box: Sandbox;
let containment: OpenContainment;
let prepared: Prepared[] = [];

beforeEach(async () => {
  box = sandbox();
  const { worldName, worldHard } = box;
  containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
});

afterEach(async () => {
  for (const { set } of prepared) {
    await containment.kill(set, 5_000);
    await containment.remove(set);
  }
  prepared = [];
  await until("no process of the world is left", () => tagged(box.tag).length === 0);
  await expect.poll(() => containment.lookEverywhere()).toEqual([]);
  expect(await containment.removeRoots()).not.toContain("kept");
  box[Symbol.dispose]();
});

async function agent(script: string, more: Parameters<typeof prepare>[3] = {}): Promise<Prepared> {
  const argv = ["/usr/bin/perl", "-e", script, box.tag];
  const one = await prepare(box.directory, containment, argv, more);
  prepared.push(one);
  return one;
}

const ENDS = [
  { script: "exit 0", code: 0, signal: null, status: 0 },
  { script: "exit 42", code: 42, signal: null, status: 42 },
  { script: "kill KILL => $$; sleep 9", code: null, signal: "SIGKILL", status: 137 },
  { script: "kill SEGV => $$; sleep 9", code: null, signal: "SIGSEGV", status: 139 },
  { script: "kill TERM => $$; sleep 9", code: null, signal: "SIGTERM", status: 143 },
  { script: "exit 143", code: 143, signal: null, status: 143 },
  { script: "exit 130", code: 130, signal: null, status: 130 },
  { script: "exit 255", code: 255, signal: null, status: 255 },
] as const;

test.for(ENDS)("records `$script` as code $code, signal $signal", async ({ script, ...end }) => {
  const one = await agent(script);
  const before = Math.floor(Date.now() / 1_000) * 1_000;
  await startRunner(one, containment).ended;
  const record = exitOf(one.directory);
  expect(record).toMatchObject({ ...end, timedOut: false });
  expect(record?.endedAt).toBeGreaterThanOrEqual(before);
  expect(existsSync(join(one.bell, one.set.agentId))).toBe(true);
  expect(statSync(join(one.directory, "stream.jsonl")).mode & 0o777).toBe(0o600);
});

test("writes down who runs, and the agent bears its mark and sits in its groups", async () => {
  const one = await agent("sleep 60");
  const { child, ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 1);
  const started = parseStarted(readFileSync(join(one.directory, "started.json"), "utf8"));
  const runner = parseStarted(readFileSync(join(one.directory, "runner.json"), "utf8"));
  expect(started).toEqual(containment.identify(tagged(box.tag)[0] ?? 0));
  expect(runner).toEqual(containment.identify(child.pid ?? 0));
  const seen = await containment.look(one.set);
  expect(seen.members.map(({ pid }) => pid)).toEqual([started?.pid]);
  expect(seen.mismatch).toEqual([]);
  expect(seen.members[0]?.ppid).toBe(child.pid); // nothing stands between the two
  await containment.kill(one.set, 5_000);
  await ended;
  expect(exitOf(one.directory)).toMatchObject({ code: null, signal: "SIGKILL" });
});

test("survives TERM, HUP, INT and QUIT, and hands none of them on", async () => {
  const one = await agent('$SIG{$_} = "DEFAULT" for qw(TERM HUP INT QUIT); sleep 60');
  const { child, ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 1);
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) child.kill(signal);
  await expect.poll(() => existsSync(join(one.directory, "runner.json"))).toBe(true);
  expect(child.exitCode).toBe(null);
  expect(tagged(box.tag)).toHaveLength(1);
  expect(await containment.signal(one.set, "SIGTERM")).toBe(1);
  await ended;
  expect(exitOf(one.directory)).toMatchObject({ signal: "SIGTERM" });
});

test.for([
  { umask: 0o027, theirs: "0027" },
  { umask: undefined, theirs: process.umask().toString(8).padStart(4, "0") },
])(
  "an agent has the mask $theirs, and no file of the runner's follows it",
  async ({ umask, theirs }) => {
    const argv = ["/bin/sh", "-c", "umask"];
    const one = await prepare(
      box.directory,
      containment,
      argv,
      umask === undefined ? {} : { umask },
    );
    prepared.push(one);
    await startRunner(one, containment).ended;
    expect(readFileSync(join(one.directory, "stream.jsonl"), "utf8")).toBe(`${theirs}\n`);
    for (const name of ["stream.jsonl", "stderr.log", "runner.json", "runner.log"]) {
      expect(statSync(join(one.directory, name)).mode & 0o777, name).toBe(0o600);
    }
  },
);

test("an agent is born deaf to no signal", async () => {
  const argv = ["/usr/bin/grep", "SigIgn", "/proc/self/status"];
  const one = await prepare(box.directory, containment, argv);
  prepared.push(one);
  await startRunner(one, containment).ended;
  expect(readFileSync(join(one.directory, "stream.jsonl"), "utf8")).toBe(
    "SigIgn:\t0000000000000000\n",
  );
});

test("hands on exactly the environment, the arguments and the input it was given", async () => {
  const env = {
    PATH: "/usr/bin:/bin",
    QUOTES: `it's "so"`,
    LINES: "one\ntwo\n\nexport FAKE='x'\n",
    WORLD: "héllo 世界 🐎",
    DOLLAR: "$(touch pwned) `id` ${HOME} \\ \\n",
    EMPTY: "",
    IFS: ":",
    BLANKS: "  a  b  ",
  };
  const input = join(box.directory, "prompt.md");
  writeFileSync(input, "do it\n");
  const argv = ["/usr/bin/perl", "-e", DUMP, box.tag, "it's", "a\nb", "", "$(id)", "*"];
  const one = await prepare(box.directory, containment, argv, { env, stdinPath: input });
  prepared.push(one);
  await startRunner(one, containment).ended;
  expect(readFileSync(join(one.directory, "stderr.log"), "utf8")).toBe("");
  const [seenEnv = "", args = "", stdin = "", cwd] = readFileSync(
    join(one.directory, "stream.jsonl"),
    "utf8",
  ).split("\u0001");
  const entries = seenEnv.split("\0").filter(Boolean);
  const seen = Object.fromEntries(entries.map((entry) => splitOnce(entry)));
  expect(seen).toEqual(env);
  expect(args.split("\0")).toEqual([box.tag, "it's", "a\nb", "", "$(id)", "*"]);
  expect(stdin).toBe("do it\n");
  expect(cwd).toBe(box.directory);
});

describe("a launch that cannot be contained or placed", () => {
  test.for([
    { what: "cwd", over: { cwd: "/nonexistent/folder" } },
    { what: "input", over: { stdinPath: "/nonexistent/prompt" } },
  ])("ends with 125 and says so: $what", async ({ over }) => {
    const one = await agent("exit 0", over);
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ code: 125 });
    expect(readFileSync(join(one.directory, "stderr.log"), "utf8")).toMatch(
      /^corral: .*nonexistent/,
    );
  });

  test("never runs outside its control group", async ({ skip }) => {
    const set = containment.plan("test-000000-aaaaaa", 2);
    if (set.cgroup === null) skip("no cgroup v2 here");
    const one = await agent("exit 0", { set, agentId: set.agentId });
    await containment.remove(set);
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ code: 125 });
  });
});

const WITHOUT = [
  { name: "by control group", change: {} },
  { name: "by mark", change: { cgroup: null } },
  { name: "by process group", change: { cgroup: null, mark: null } },
];

describe("with the daemon dead", () => {
  test.for(WITHOUT)("clears what the agent left, $name", async ({ change }) => {
    const set = { ...containment.plan("test-000000-bbbbbb", 3), ...change };
    // Without any witness a new session is out of reach, and nobody claims otherwise.
    const leave = "mark" in change ? "" : "use POSIX; POSIX::setsid();";
    const deaf = '$SIG{TERM} = $SIG{HUP} = "IGNORE"';
    const one = await agent(`${deaf}; if (!fork) { ${leave} sleep 60 } exit 7`, {
      set,
      agentId: set.agentId,
    });
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ code: 7 });
    expect(tagged(box.tag)).toEqual([]);
  });

  test.for(WITHOUT)("keeps the wall clock, $name", { timeout: 20_000 }, async ({ change }) => {
    const set = { ...containment.plan("test-000000-cccccc", 4), ...change };
    const one = await agent("sleep 60", { set, agentId: set.agentId, wallClockS: 1 });
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ signal: "SIGTERM", timedOut: true });
    expect(existsSync(join(one.directory, ".clock"))).toBe(false);
  });

  test("a wall clock that did not run out leaves no process behind", async () => {
    const one = await agent("exit 3", { wallClockS: 600 });
    await startRunner(one, containment).ended;
    expect(exitOf(one.directory)).toMatchObject({ code: 3, timedOut: false });
    await expect.poll(() => containment.lookEverywhere()).toEqual([]);
  });
});

test("ends, with nobody left, when its directory vanishes under it", async () => {
  const one = await agent("sleep 60", { wallClockS: 600 });
  const { ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 1);
  rmSync(one.directory, { recursive: true });
  rmSync(one.bell, { recursive: true });
  await containment.kill(one.set, 5_000);
  expect(await ended).toEqual([0, null]);
});

test("ends at once when there is no directory, or nothing to launch", async () => {
  const nothing = { ...(await agent("exit 0")), directory: join(box.directory, "none") };
  expect((await startRunner(nothing, containment).ended)[0]).toBe(1);
  mkdirSync(nothing.directory);
  expect((await startRunner(nothing, containment).ended)[0]).toBe(1);
});

test.for([["/usr/bin/bash", "--posix"], ["/usr/bin/dash"], ["/usr/bin/busybox", "sh"]])(
  "runs in %s",
  async (shell, { skip }) => {
    if (!existsSync(shell[0] ?? "")) skip("not installed");
    const one = await agent("kill KILL => $$; sleep 9", { wallClockS: 600 });
    await startRunner(one, containment, shell).ended;
    expect(exitOf(one.directory)).toMatchObject({ signal: "SIGKILL" });
    expect(readFileSync(join(one.directory, "stderr.log"), "utf8")).toBe("");
  },
);

test("a killed runner leaves an agent that is still found and killed", async () => {
  const one = await agent("sleep 60");
  const { child, ended } = startRunner(one, containment);
  await until("it runs", () => tagged(box.tag).length === 1);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  await ended;
  expect((await containment.look(one.set)).members).toHaveLength(1);
  expect((await containment.kill(one.set, 5_000)).members).toEqual([]);
  expect(exitOf(one.directory)).toBe(null);
});

/** Prints environment, arguments, input and directory of the perl that runs it. */
const DUMP = `use Cwd; open F, "/proc/self/environ"; local $/; print <F>, "\\x01",
  join("\\0", @ARGV), "\\x01", scalar(<STDIN>), "\\x01", getcwd()`;

function splitOnce(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return [entry.slice(0, at), entry.slice(at + 1)];
}
