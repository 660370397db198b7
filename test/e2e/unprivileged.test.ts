/**
 * The main roads as an ordinary user, through the command line alone. Root gives itself up with
 * setpriv; anybody else is an ordinary user already.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import type {
  DoctorAnswer,
  HealthAnswer,
  LedgerAnswer,
  SweepAnswer,
} from "../../src/contract/api.ts";
import type { DeployAnswer, KillAnswer } from "../../src/contract/tools.ts";
import { parseStarted } from "../../src/runner/records.ts";
import { closed, collect, ended, type Ran, waitFor } from "../helpers/daemon-process.ts";
import {
  countByArgument,
  describeProcess,
  mentions,
  processes,
  processOf,
  socketsBelow,
} from "../helpers/os-look.ts";
import { FIXTURES, FOREVER, QUICK, read, sleepTag } from "./support.ts";

const NOBODY = 65_534;
const IS_ROOT = process.getuid?.() === 0;
const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");
const AS_USER = IS_ROOT
  ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"]
  : [];

const REASON = reasonToSkip();

/** The ordinary user must be able to read Node and this repository. */
function reasonToSkip(): string {
  if (process.platform !== "linux") return " (skipped: setpriv and /proc are of Linux)";
  const words = [...AS_USER, process.execPath, LAUNCHER, "--version"];
  const { status, stderr, error } = spawnSync("/usr/bin/env", words, {
    encoding: "utf8",
    cwd: "/",
  });
  if (status === 0) return "";
  return ` (skipped: the ordinary user cannot run this checkout: ${(error?.message ?? stderr).trim().slice(0, 200)})`;
}

describe.skipIf(REASON !== "")(`as an ordinary user${REASON}`, () => {
  let folder: string;
  let env: Record<string, string>;
  beforeAll(() => {
    // Not below TMPDIR: another user must be able to walk to it.
    folder = mkdtempSync("/tmp/corral-test-");
    chmodSync(folder, 0o755);
    const [home, temporary] = [join(folder, "home"), join(folder, "tmp")];
    for (const path of [home, temporary]) {
      mkdirSync(path, { mode: 0o700 });
      if (IS_ROOT) chownSync(path, NOBODY, NOBODY);
    }
    env = {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      TMPDIR: temporary,
      LANG: "C.UTF-8",
      CORRAL_STATE_DIR: join(home, "state"),
      ...QUICK,
    };
  });
  afterAll(async () => {
    await corral(["down"]);
    const look = () => [
      ...processes()
        .filter(({ pid }) => pid !== process.pid && mentions(pid, folder))
        .map(describeProcess),
      ...socketsBelow(folder),
    ];
    await waitFor("nothing", () => (look().length === 0 ? true : undefined), 3_000).catch(() => {});
    const left = look();
    rmSync(folder, { recursive: true });
    expect(left).toEqual([]);
  });

  async function corral(words: readonly string[], more: Record<string, string> = {}): Promise<Ran> {
    const [program = "", ...argv] = [...AS_USER, process.execPath, LAUNCHER, ...words];
    const child: ChildProcess = spawn(program, argv, {
      cwd: env["HOME"],
      env: { ...env, ...more },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    const output = collect(child);
    const end = await ended(child);
    await closed(child);
    return { ...end, ...output() };
  }

  async function json<T>(verb: string, ...words: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await corral([verb, "--json", ...words]);
    expect([0, 1], stderr).toContain(code);
    return JSON.parse(stdout) as T;
  }

  const deploy = (argv: readonly string[], ...words: readonly string[]) =>
    json<DeployAnswer & { readonly agent: AgentView }>(
      "deploy",
      "--describe",
      "Take a road as an ordinary user.",
      "--type",
      "worker",
      ...words,
      "--",
      ...argv,
    );

  async function heldRows(): Promise<readonly string[]> {
    const { rows } = await json<LedgerAnswer>("ledger");
    return rows
      .filter(({ owner, state }) => owner !== "daemon" && state !== "retained")
      .map(({ owner, kind }) => `${owner} ${kind}`);
  }

  test("doctor says who and what", async () => {
    const { pid } = await json<HealthAnswer>("up");
    const doctor = await json<DoctorAnswer>("doctor");
    expect(doctor.daemon).toMatchObject({ running: true, pid });
    const uid = IS_ROOT ? NOBODY : process.getuid?.();
    expect(doctor.user).toBe(`uid ${uid}`);
    expect(doctor.containment.find(({ mechanism }) => mechanism === "watermark")).toMatchObject({
      available: true,
    });
    const limits = doctor.containment.filter(({ mechanism }) => /pids|nproc/.test(mechanism));
    expect(limits.some(({ available }) => available)).toBe(true);
  });

  test("an agent runs as that user and exits 0; another exits 7", async () => {
    const good = await deploy(["/bin/sh", "-c", "id -u >who"], "--wait");
    expect(good.agent).toMatchObject({
      status: "completed",
      exit_code: 0,
      cleanup: { state: "clean", held: 0 },
    });
    expect(read(join(env["HOME"] ?? "", "who"))?.trim()).toBe(
      String(IS_ROOT ? NOBODY : process.getuid?.()),
    );
    const bad = await deploy(["/bin/sh", "-c", "echo no such thing >&2; exit 7"], "--wait");
    expect(bad.agent).toMatchObject({ status: "failed", exit_code: 7, signal: null });
    expect(bad.agent.reason).toContain("no such thing");
    expect(await heldRows()).toEqual([]);
  });

  test("one that leaves daemons behind: they are gone", async () => {
    const tag = sleepTag();
    const { agent } = await deploy(["/bin/sh", join(FIXTURES, "leaver.sh"), tag], "--wait");
    expect(agent).toMatchObject({ status: "completed", exit_code: 0, cleanup: { state: "clean" } });
    expect(countByArgument(tag)).toBe(0);
    expect(await heldRows()).toEqual([]);
  });

  test("a hydra is killed whole", async () => {
    const tag = sleepTag();
    const agent = await deploy(["/usr/bin/perl", join(FIXTURES, "hydra.pl"), tag]);
    await waitFor("all heads", () => (countByArgument(tag) >= 14 ? true : undefined));
    const answer = await json<KillAnswer>("kill", agent.agent_id, "--grace", "0.3");
    expect(answer).toMatchObject({
      status: "killed",
      receipt: { survivors: [], cleanup: { state: "clean", held: 0, stuck: 0 } },
    });
    expect(countByArgument(tag)).toBe(0);
    expect(await heldRows()).toEqual([]);
  });

  test("one that claims completion and stays is stopped", async () => {
    const stays = `${JSON.stringify(process.execPath)} ${join(FIXTURES, "reporter.js")}; ${FOREVER}`;
    const { agent } = await deploy(["/bin/sh", "-c", stays], "--wait");
    expect(agent).toMatchObject({
      status: "completed",
      reported: { status: "completed", progress: 100 },
      cleanup: { state: "clean" },
    });
    expect(agent.reason).toMatch(/claimed completion/);
    expect(await heldRows()).toEqual([]);
  });

  test("a sweep with the daemon dead leaves what runs alone and clears what ended", async () => {
    const { pid } = await json<HealthAnswer>("up");
    const tag = sleepTag();
    const agent = await deploy(["/bin/sh", "-c", `setsid sleep ${tag} & ${FOREVER}`]);
    const started = parseStarted(read(join(agent.workspace, "started.json")) ?? "")!;
    await waitFor("its daemon", () => (countByArgument(tag) === 1 ? true : undefined));
    expect(processOf(pid)?.argv.at(-1)).toBe("daemon");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => processOf(pid)).toBeUndefined();

    expect(await json<SweepAnswer>("sweep", "--apply")).toMatchObject({ applied: true, steps: [] });
    expect(processOf(started.pid)).toBeDefined();
    expect(countByArgument(tag)).toBe(1);
    expect(await heldRows()).toContain(`${agent.agent_id} process_set`);

    process.kill(started.pid, "SIGKILL");
    await expect.poll(() => countByArgument(tag)).toBe(0);
    const { steps } = await json<SweepAnswer>("sweep", "--apply");
    expect(steps.filter(({ outcome }) => outcome !== "released")).toEqual([]);
    expect(await heldRows()).toEqual([]);
    await json<HealthAnswer>("up");
    const { agents } = await json<{ agents: AgentView[] }>("ps", "--all");
    expect(agents.find(({ agent_id: id }) => id === agent.agent_id)).toMatchObject({
      status: "failed",
      signal: "SIGKILL",
      cleanup: { state: "clean" },
    });
  });

  test("folders that may not be written to are refused", async () => {
    const closedFolder = join(folder, "closed");
    mkdirSync(closedFolder, { mode: 0o555 });
    const words = ["deploy", "--describe", "Work where one may not.", "--type", "worker"];
    const ran = await corral([...words, "--cwd", closedFolder, "--", "/bin/true"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/^CWD_UNUSABLE: .*may not be entered or written to/);
    expect(ran.stderr).toMatch(/Next: /);

    const state = { CORRAL_STATE_DIR: join(closedFolder, "state") };
    const daemon = await corral(["daemon"], state);
    expect(daemon.code).toBe(6);
    expect(JSON.parse(daemon.stderr)).toMatchObject({
      code: "STATE_UNUSABLE",
      hint: expect.stringMatching(/CORRAL_STATE_DIR/) as string,
    });
    const up = await corral(["up"], state);
    expect(up.code).toBe(6);
    expect(up.stderr).toMatch(/^STATE_UNUSABLE: .*\nNext: .*CORRAL_STATE_DIR/);
  });
});
