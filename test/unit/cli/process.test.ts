/** The program as a process: streams, exit codes and what it does when its reader leaves. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";

const LAUNCHER = new URL("../../../bin/corral.js", import.meta.url).pathname;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cli-process-"));
});

afterAll(() => {
  // Nothing here may have started a daemon or made a state directory.
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

const env = () => ({ ...process.env, CORRAL_STATE_DIR: join(folder, "state") });

function run(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...words], {
    env: env(),
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("a verb that only looks starts no daemon and says what to do", () => {
  const { status, stdout, stderr } = run("ps");
  expect({ status, stdout }).toEqual({ status: 6, stdout: "" });
  expect(stderr).toMatch(/^DAEMON_UNREACHABLE: .+\nNext: .*corral up.*\n$/);
});

test("--json answers a failure on stdout with one document", () => {
  const { status, stdout } = run("status", "--json");
  expect(status).toBe(6);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "DAEMON_UNREACHABLE" } });
});

test("help goes to stdout, in no colour, and exits 0", () => {
  const { status, stdout, stderr } = run("--help");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("Exit codes:");
  expect(stdout).not.toContain("\u001b");
});

test("a state directory that cannot be named is a failure in two lines, too", () => {
  const { status, stderr } = spawnSync(process.execPath, [LAUNCHER, "ps"], {
    env: { PATH: process.env["PATH"], HOME: "relative" },
    encoding: "utf8",
  });
  expect(status).toBe(6);
  expect(stderr).toMatch(/^STATE_UNUSABLE: .+\nNext: .+\n$/);
});

test.for([
  ["stdout", 0],
  ["stderr", 6],
] as const)("a reader of %s that leaves causes no noise", async ([gone, exit]) => {
  const words = gone === "stdout" ? ["--help"] : ["ps"];
  const child = spawn(process.execPath, [LAUNCHER, ...words], {
    env: env(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  child[gone].destroy();
  const kept = text(gone === "stdout" ? child.stderr : child.stdout);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect({ code, signal, kept: await kept }).toEqual({ code: exit, signal: null, kept: "" });
});
