/** What a live daemon does when somebody deletes the files that it is found by and keeps its records in. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { acquireStateLock } from "../../src/adapters/sqlite/state-lock.ts";
import type { AgentView } from "../../src/contract/agent.ts";
import type { Orphan, OrphansAnswer } from "../../src/contract/orphans.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { hardMarkOf, processes } from "../helpers/os-look.ts";

// Daemons, looks every 2 s and whole ends: on a busy machine that adds up.
vi.setConfig({ testTimeout: 90_000 });

/** Ignores what is polite, and has a child in a session of its own. */
const STUBBORN = ["/bin/sh", "-c", "trap '' TERM INT HUP; setsid sleep 300 & sleep 300"];

/** What all processes of its world bear, its runner among them. */
function markOf({ workspace }: AgentView & { readonly workspace?: string }): number {
  const runner = readFileSync(join(workspace ?? "", "runner.json"), "utf8");
  return hardMarkOf((JSON.parse(runner) as { readonly pid: number }).pid) ?? 0;
}

const bearers = (mark: number): readonly string[] =>
  processes()
    .filter(({ pid }) => hardMarkOf(pid) === mark)
    .map(({ name }) => name);

test("a state directory that is deleted ends the daemon, and all that it ran goes with it", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  await fault.deploy(["/bin/sleep", "300"]);
  const mark = markOf(await fault.deploy(STUBBORN));
  await waitFor("the stubborn one's child", () => (bearers(mark).length >= 7 ? true : undefined));
  expect(bearers(mark)).toContain("tmux: server");
  rmSync(fault.world.paths.stateDir, { recursive: true });
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(daemon.output()).toContain('"home.lost"');
  expect(bearers(mark)).toEqual([]);
});

test("a state directory that is moved away ends it, and a new one at the path is not touched", async () => {
  await using fault = await makeFaultWorld();
  const { paths, folder } = fault.world;
  const daemon = await fault.start();
  const mark = markOf(await fault.deploy(["/bin/sleep", "300"]));
  renameSync(paths.stateDir, join(folder, "moved"));
  const next = await fault.start();
  const agent = await fault.deploy(["/bin/sleep", "300"]);
  const nextMark = markOf(agent);
  expect(nextMark).not.toBe(mark);
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(bearers(mark)).toEqual([]);
  // The socket at the path went with the first daemon's listener, and is there again soon.
  await waitFor("the second daemon's answer", () => fault.agents().catch(() => undefined));
  expect(await fault.agents()).toMatchObject([{ agent_id: agent.agent_id, status: "running" }]);
  expect(bearers(nextMark)).toContain("tmux: server");
  await fault.api("/api/leave", { mode: "end" });
  expect(await next.end).toEqual({ code: 0, signal: null });
  expect(fault.remains()).toEqual([]);
});

test("sockets that are deleted are made again", async () => {
  await using fault = await makeFaultWorld();
  const { paths } = fault.world;
  await fault.start();
  await fault.deploy(["/bin/sleep", "300"]);
  for (const socket of [paths.socket, paths.tmuxSocket]) rmSync(socket);
  await waitFor("the daemon's answer", () => fault.agents().catch(() => undefined));
  // Whatever looks at the sessions mends.
  await fault.api("/api/sweep", {});
  expect(existsSync(paths.tmuxSocket)).toBe(true);
  expect(await fault.agents()).toMatchObject([{ status: "running" }]);
  expect(fault.complaints()).toEqual([]);
});

test("a tmux server whose socket was deleted while no daemon lived is swept", async () => {
  await using fault = await makeFaultWorld();
  const { paths } = fault.world;
  const daemon = await fault.start();
  const mark = markOf(await fault.deploy(["/bin/sleep", "300"]));
  daemon.child.kill("SIGKILL");
  await daemon.end;
  rmSync(paths.tmuxSocket);
  await fault.start();
  const servers = () => bearers(mark).filter((name) => name === "tmux: server");
  await waitFor("its end", () => (servers().length === 0 ? true : undefined));
  expect(await fault.agents()).toMatchObject([{ status: "running" }]);
  await fault.deploy(["/bin/sleep", "300"]);
  expect(servers()).toHaveLength(1);
});

test("a lock that is deleted is taken again; where somebody else has it, the agents are left to him", async () => {
  await using fault = await makeFaultWorld();
  const { lock } = fault.world.paths;
  const daemon = await fault.start();
  const agent: AgentView = await fault.deploy(["/bin/sleep", "300"]);
  rmSync(lock);
  await waitFor("the renewed lock", () => (existsSync(lock) ? true : undefined));
  expect(() => acquireStateLock(lock)).toThrow(/Another Corral process/);

  mkdirSync(join(fault.world.folder, "aside"));
  renameSync(lock, join(fault.world.folder, "aside", "lock"));
  const taken = acquireStateLock(lock);
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  taken.release();
  await fault.start();
  expect(await fault.agents()).toMatchObject([{ agent_id: agent.agent_id, status: "running" }]);
  expect(readFileSync(lock)).toHaveLength(0);
});

test("agents whose state directory was deleted while no daemon lived are listed as orphans", async () => {
  await using fault = await makeFaultWorld();
  const { world } = fault;
  const daemon = await fault.start();
  const { agent_id } = await fault.deploy(["/bin/sleep", "300"]);
  daemon.child.kill("SIGKILL");
  await daemon.end;
  const listed = async (): Promise<readonly Orphan[]> => {
    const { stdout } = await world.corral(["doctor", "--orphans", "--json"]);
    const { orphans } = JSON.parse(stdout) as OrphansAnswer;
    return orphans.filter(({ what }) => what === `agent_${agent_id}`);
  };
  expect(await listed()).toEqual([]);
  const aside = join(world.folder, "aside");
  renameSync(world.paths.stateDir, aside);
  try {
    const [orphan] = await listed();
    expect(orphan).toMatchObject({ kind: "agent", tree: { processes: 4 } });
    expect(orphan?.why).toContain("its state directory is gone");
  } finally {
    renameSync(aside, world.paths.stateDir);
  }
});
