/**
 * An ordinary user whose own group belongs to root, and a user manager (a stand-in that really makes
 * groups): the daemon is started in a scope, and agents are held by control groups. Skipped unless
 * root with cgroup v2.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import type { DoctorAnswer, HealthAnswer, LedgerAnswer } from "../../src/contract/api.ts";
import type { DeployAnswer, KillAnswer } from "../../src/contract/tools.ts";
import { closed, collect, ended, type Ran, waitFor } from "../helpers/daemon-process.ts";
import { countByArgument, mentions, processes, processOf } from "../helpers/os-look.ts";
import { userManager, type UserManager } from "../helpers/user-manager.ts";
import { QUICK, sleepTag } from "./support.ts";

const NOBODY = 65_534;
const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");
const AS_USER = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];
const IS_ROOT = process.platform === "linux" && process.getuid?.() === 0;

describe.skipIf(!IS_ROOT)("below a user manager (skipped unless root)", () => {
  let folder: string;
  let manager: UserManager;
  let env: Record<string, string>;

  beforeEach(({ skip }) => {
    folder = mkdtempSync("/tmp/corral-test-");
    chmodSync(folder, 0o755);
    const made = userManager(folder, randomBytes(4).toString("hex"), NOBODY);
    if (made === null) return skip("no cgroup v2 here");
    manager = made;
    const home = join(folder, "home");
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, NOBODY, NOBODY);
    env = {
      PATH: `${manager.bin}:${process.env["PATH"] ?? ""}`,
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
      CORRAL_STATE_DIR: join(home, "state"),
      DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent/bus",
      ...QUICK,
    };
  });

  afterEach(async () => {
    await corral(["down"]);
    const mine = () =>
      processes().filter(({ pid }) => pid !== process.pid && mentions(pid, folder));
    await waitFor("nobody", () => (mine().length === 0 ? true : undefined));
    // A scope ends with its last process: nothing has outlived its daemon and its agents.
    await waitFor("empty scopes", () => (manager.populated().length === 0 ? true : undefined));
    manager[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  async function corral(words: readonly string[]): Promise<Ran> {
    const [program = "", ...argv] = [...AS_USER, process.execPath, LAUNCHER, ...words];
    const child = spawn(program, argv, {
      cwd: env["HOME"],
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
    const output = collect(child);
    const end = await ended(child);
    await closed(child);
    return { ...end, ...output() };
  }

  async function json<T>(...words: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await corral(words);
    if (code !== 0) throw new Error(`corral ${words.join(" ")}: ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  const up = () => json<HealthAnswer>("up", "--json");
  const DEPLOY = "deploy --json --type worker --describe LivesInAScope -- /bin/sh -c".split(" ");
  const deploy = (script: string) => json<DeployAnswer>(...DEPLOY, script);
  const groupOf = (pid: number): string =>
    /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "latin1"))?.[1] ?? "";
  const pidOf = ({ workspace }: DeployAnswer): number =>
    (JSON.parse(readFileSync(join(workspace, "started.json"), "utf8")) as { pid: number }).pid;
  const nameOf = (scope: string): string => scope.split("/").at(-1) ?? "";

  test("the daemon lives in a scope, its agents in groups of theirs, and all of it ends", async () => {
    const health = await up();
    expect(health.containment).toBe("cgroup2+watermark");
    expect(manager.said()).toContain("Delegate=yes");
    const scope = nameOf(manager.scopes().at(-1) ?? "");
    expect(scope).toMatch(/^corral-[0-9a-f]{8}-[0-9a-f]{8}\.scope$/);
    expect(groupOf(health.pid)).toMatch(new RegExp(`/${scope}/main$`));

    const tag = sleepTag();
    const agent = await deploy(`env; setsid sleep ${tag} & exec sleep ${tag}`);
    await waitFor("its program", () => (countByArgument(tag) === 2 ? true : undefined));
    expect(groupOf(pidOf(agent))).toContain(`/${scope}/corral-`);
    expect(groupOf(pidOf(agent)).split("/").at(-1)).toBe(agent.agent_id);
    // The bus is for systemd-run alone.
    const stream = join(agent.workspace, "stream.jsonl");
    await waitFor(
      "its environment",
      () => readFileSync(stream, "utf8").includes("HOME=") || undefined,
    );
    expect(readFileSync(stream, "utf8")).not.toMatch(/DBUS_|XDG_RUNTIME_DIR/);

    const doctor = await json<DoctorAnswer>("doctor", "--json");
    expect(doctor.containment).toContainEqual({
      mechanism: "systemd-scope",
      available: true,
      detail: expect.stringContaining(scope) as string,
    });
    const killed = await json<KillAnswer>("kill", agent.agent_id, "--json");
    expect(killed.receipt).toMatchObject({ cleanup: { state: "clean" }, survivors: [] });
    expect(JSON.stringify(killed.receipt)).toContain("cgroup2 and watermark: no process");
    expect(countByArgument(tag)).toBe(0);
    expect((await corral(["down"])).code).toBe(0);
    const { rows } = await json<LedgerAnswer>("ledger", "--json");
    expect(rows.filter(({ state }) => state !== "retained")).toEqual([]);
  }, 120_000);

  test("the next daemon has a scope of its own and takes the old one's tmux server along", async () => {
    const first = await up();
    const [tag, later] = [sleepTag(), sleepTag()];
    const old = await deploy(`setsid sleep ${tag} & exec sleep ${tag}`);
    await waitFor("its program", () => (countByArgument(tag) === 2 ? true : undefined));
    process.kill(first.pid, "SIGKILL");
    await waitFor("its end", () => (processOf(first.pid) === undefined ? true : undefined));
    expect(countByArgument(tag)).toBe(2);

    const second = await up();
    expect(second.containment).toBe("cgroup2+watermark");
    const scope = nameOf(manager.scopes().at(-1) ?? "");
    expect(groupOf(second.pid)).toMatch(new RegExp(`/${scope}/main$`));
    expect(groupOf(pidOf(old))).not.toContain(scope);
    const fresh = await deploy(`exec sleep ${later}`);
    await waitFor("its program", () => (countByArgument(later) === 1 ? true : undefined));
    expect(groupOf(pidOf(fresh))).toContain(`/${scope}/`);
    const { agents } = await json<{ agents: AgentView[] }>("ps", "--json");
    expect(agents.map(({ status }) => status)).toEqual(["running", "running"]);
    await json<KillAnswer>("kill", old.agent_id, "--json", "--grace", "0");
    expect([countByArgument(tag), countByArgument(later)]).toEqual([0, 1]);
    // Nobody is left in the first scope, so it is over, while the second goes on.
    await waitFor("its end", () =>
      manager.populated().map(nameOf).join() === scope ? true : undefined,
    );
    expect((await corral(["down"])).code).toBe(0);
    expect(countByArgument(later)).toBe(0);
  }, 120_000);
});
