import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { launchScript, shellQuote, type LaunchSpec } from "../../../src/runner/launch-script.ts";
import { parseExit, parseStarted } from "../../../src/runner/records.ts";

const SPEC: LaunchSpec = {
  directory: "/s/agents/a",
  agentId: "a-000000-000001",
  bellDirectory: "/s/bell",
  cwd: "/w",
  argv: ["/usr/bin/agent", "--flag"],
  env: { TOKEN: "s3cret", PATH: "/bin" },
  stdinPath: null,
  set: {
    agentId: "a-000000-000001",
    mark: { soft: 400_002, hard: 790_000 },
    cgroup: "/cg/a",
    pidsCgroup: "/pids/a",
    bootId: "b",
    uid: 1_000,
    notBeforeTicks: 1,
  },
  prlimit: "/usr/bin/prlimit",
  nproc: 500,
  wallClockS: 1.5,
};

test("ends in one exec, with the mark and the limit and without a secret", () => {
  const lines = launchScript(SPEC).trimEnd().split("\n");
  expect(lines.at(-1)).toBe(
    "exec '/usr/bin/prlimit' '--msgqueue=400002:790000' '--nproc=500' '--' '/usr/bin/agent' '--flag'",
  );
  expect(lines.filter((line) => line.includes("s3cret"))).toEqual(["export TOKEN='s3cret'"]);
});

test("without mark and limit the agent is started as it is", () => {
  const bare = { ...SPEC, set: { ...SPEC.set, mark: null }, nproc: null, prlimit: null };
  expect(launchScript(bare).trimEnd().split("\n").at(-1)).toBe("exec '/usr/bin/agent' '--flag'");
});

test("a wall clock is never cut short, and its absence is empty", () => {
  expect(launchScript(SPEC)).toContain("corral_wall_clock_s=2\n");
  expect(launchScript({ ...SPEC, wallClockS: null })).toContain("corral_wall_clock_s=\n");
});

test("the ballast is named for the runner, and empty where there is none", () => {
  expect(launchScript(SPEC)).toContain("corral_ballast=''\n");
  expect(launchScript({ ...SPEC, ballast: "/s/ballast" })).toContain(
    "corral_ballast='/s/ballast'\n",
  );
});

test.for([
  { what: "a relative program", over: { argv: ["agent"] } },
  { what: "no program", over: { argv: [] } },
  { what: "a NUL", over: { env: { A: "x\0y" } } },
  { what: "a name with a dot", over: { env: { "A.B": "x" } } },
  { what: "a name that ends the line", over: { env: { "A\nrm": "x" } } },
  { what: "a name that a shell keeps for itself", over: { env: { PPID: "1" } } },
  { what: "a mark without prlimit", over: { prlimit: null } },
])("refuses $what", ({ over }) => {
  expect(() => launchScript({ ...SPEC, ...over })).toThrow(
    expect.objectContaining({ code: "INPUT_INVALID" }),
  );
});

test("quotes every text so that sh sees exactly it", () => {
  const text = fc
    .string({ unit: "binary" })
    .filter((one) => !one.includes("\0") && one.isWellFormed());
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (words) => {
      const script = `printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
      const seen = execFileSync("/bin/sh", ["-c", script]).toString();
      expect(seen.split("\0").slice(0, -1)).toEqual(words);
    }),
    { numRuns: 12 },
  );
});

const EXIT =
  '{"code":null,"signal":"SIGKILL","status":137,"timed_out":true,"ended_at":1795000000}\n';

test("reads an exit record, and nothing from any part of one", () => {
  expect(parseExit(EXIT)).toEqual({
    code: null,
    signal: "SIGKILL",
    status: 137,
    timedOut: true,
    daemonGone: false,
    endedAt: 1_795_000_000_000,
  });
  for (let length = 0; length < EXIT.length; length += 1) {
    expect(parseExit(EXIT.slice(0, length))).toBe(null);
  }
});

test("reads who started; without ticks (macOS) they are 0", () => {
  expect(parseStarted('{"pid":7,"start_ticks":99}\n')).toEqual({ pid: 7, startTicks: 99 });
  expect(parseStarted('{"pid":7,"start_ticks":null}\n')).toEqual({ pid: 7, startTicks: 0 });
  expect(parseStarted('{"pid":7')).toBe(null);
  expect(parseStarted("")).toBe(null);
});
