import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { daemonGone } from "../../../../src/adapters/daemon-start/daemon-gone.ts";
import { ensureDaemon } from "../../../../src/adapters/daemon-start/ensure-daemon.ts";
import type { HealthAnswer } from "../../../../src/contract/api.ts";
import { Fault } from "../../../../src/kernel/fault.ts";
import { waitFor } from "../../../helpers/daemon-process.ts";
import { processes } from "../../../helpers/os-look.ts";
import { faultOf } from "./fault-of.ts";

const SCRIPT = new URL("../../../fixtures/daemons/small-daemon.ts", import.meta.url).pathname;
const folders: string[] = [];
const pids = new Set<number>();

afterEach(async () => {
  for (const pid of pids) {
    process.kill(pid, "SIGTERM");
    expect(await daemonGone(pid)).toBe(true);
  }
  pids.clear();
  for (const folder of folders) await endLateStarters(folder);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** One that was started and lost, or has not even come to the lock, may win it once the winner is ended. */
async function endLateStarters(folder: string): Promise<void> {
  await waitFor("every daemon of the folder to end", () => {
    const left = processes().filter(({ argv }) => argv.includes(SCRIPT) && argv.includes(folder));
    for (const { pid } of left) process.kill(pid, "SIGTERM");
    return left.length === 0 ? true : undefined;
  });
}

function health(socketPath: string): () => Promise<HealthAnswer> {
  return () =>
    new Promise((resolve, reject) => {
      const gone = () => reject(new Fault("DAEMON_UNREACHABLE", "none", { hint: "Start it." }));
      request({ socketPath, path: "/", agent: false }, (response) => {
        text(response).then((body) => resolve(JSON.parse(body) as HealthAnswer), gone);
      })
        .on("error", gone)
        .end();
    });
}

function world(behaviour: "serve" | "fail") {
  const folder = mkdtempSync(join(tmpdir(), "daemon-start-"));
  folders.push(folder);
  const log = join(folder, "state", "daemon.log");
  return {
    log,
    argv: [process.execPath, SCRIPT, folder, behaviour],
    env: process.env,
    health: health(join(folder, "daemon.sock")),
  };
}

test("starts one, detached, with its output in the log; a second call finds it", async () => {
  const start = world("serve");
  const first = await ensureDaemon(start);
  pids.add(first.health.pid);
  expect(first.started).toBe(true);
  expect((first.health as unknown as { cwd: string }).cwd).toBe("/");
  expect(statSync(start.log).mode & 0o777).toBe(0o600);
  const second = await ensureDaemon(start);
  expect({ started: second.started, pid: second.health.pid }).toEqual({
    started: false,
    pid: first.health.pid,
  });
});

test("many callers at once end up with the one that won the lock", async () => {
  const start = world("serve");
  const found = await Promise.all(Array.from({ length: 5 }, () => ensureDaemon(start)));
  for (const { health: answer } of found) pids.add(answer.pid);
  expect(pids.size).toBe(1);
  expect(found.filter(({ started }) => started)).toHaveLength(1);
});

test("one that does not come up is a fault with its last words", async () => {
  const start = world("fail");
  const fault = await faultOf(ensureDaemon(start));
  expect(fault.code).toBe("DAEMON_UNREACHABLE");
  expect(fault.message).toContain("exit code 6");
  expect(fault.hint).toContain("starting | the disk is made of cheese");
  // The words of an earlier start are not this one's.
  const again = await faultOf(ensureDaemon(start));
  expect(again.details["daemon_log"]).toBe("starting | the disk is made of cheese");
  expect(readFileSync(start.log, "utf8").match(/cheese/g)).toHaveLength(2);
});

test("one that never answers is given up at the deadline", async () => {
  const start = world("serve");
  const deaf = { ...start, health: health(join(start.log, "nowhere")), deadlineMs: 300 };
  const fault = await faultOf(ensureDaemon(deaf));
  expect(fault.message).toContain("it does not answer");
  pids.add((await ensureDaemon(start)).health.pid);
});

test("a program that is not there is a fault, not a crash", async () => {
  const fault = await faultOf(ensureDaemon({ ...world("serve"), argv: ["/nowhere/corral"] }));
  expect(fault.message).toContain("ENOENT");
});

test("a failure other than nobody listening starts nothing", async () => {
  const start = world("serve");
  const refused = new Fault("TOKEN_INVALID", "no", { hint: "h" });
  const asking = { ...start, health: () => Promise.reject(refused) };
  expect(await faultOf(ensureDaemon(asking))).toBe(refused);
  expect(() => statSync(start.log)).toThrow("ENOENT");
});

test("a process that stays is not gone", async () => {
  expect(await daemonGone(process.pid, 30)).toBe(false);
});
