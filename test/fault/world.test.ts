/** A world tells on whoever leaves something in it. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { callTool, makeWorld } from "../helpers/world.ts";
import { processOf } from "../helpers/os-look.ts";

test("a verb runs in the world's own state directory and HOME", async () => {
  await using world = await makeWorld();
  const { code, stdout, stderr } = await world.corral(["--version"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("a repository has one commit and belongs to the world", async () => {
  await using world = await makeWorld();
  const repository = world.repo({ "a.txt": "a\n" });
  const log = execFileSync("git", ["log", "--format=%s"], { cwd: repository, encoding: "utf8" });
  expect(log).toBe("Begin\n");
  await world[Symbol.asyncDispose]();
  expect(existsSync(world.folder)).toBe(false);
});

test("disposing throws, by name, when a process of the world is left", async () => {
  const world = await makeWorld();
  const left = spawn("sleep", [`297.${process.pid}`], {
    cwd: world.home,
    env: {},
    stdio: "ignore",
  });
  try {
    await expect(world[Symbol.asyncDispose]()).rejects.toThrow(`process ${left.pid} (sleep)`);
    expect(existsSync(world.folder)).toBe(false);
  } finally {
    left.kill("SIGKILL");
  }
  await expect.poll(() => processOf(left.pid ?? 0)).toBeUndefined();
});

test("a daemon answers over its socket, over MCP in both eras and over the bridge, and leaves", async () => {
  await using world = await makeWorld();
  const daemon = await world.daemon();
  expect(daemon.health.pid).toBe(daemon.pid);
  for (const options of [{ era: "2026" }, { era: "2025" }, { transport: "stdio" }] as const) {
    const client = await world.mcp(options);
    const task = await callTool(client, "create_real_task", {
      description: "Look at one thing after the other.",
      client_cwd: world.repo(),
    });
    expect(task.status).toBe("open");
  }
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(existsSync(world.paths.socket)).toBe(false);
});

test("disposing ends a daemon that a verb started", async () => {
  await using world = await makeWorld();
  const { code, stdout } = await world.corral(["up", "--json"]);
  expect(code).toBe(0);
  const { pid } = JSON.parse(stdout) as { pid: number };
  expect(processOf(pid)?.argv).toContain("daemon");
  await world[Symbol.asyncDispose]();
  expect(processOf(pid)).toBeUndefined();
});

test("a daemon that cannot start says why", async () => {
  await using world = await makeWorld();
  const wrong = world.daemon({ CORRAL_GRACE_MS: "soon" });
  await expect(wrong).rejects.toThrow(/CORRAL_GRACE_MS/);
});
