/**
 * The usual ways of ending a process tree, each at its best, so that they can be seen beside
 * Corral in the same run. The walk over parents is ours, written as npm `tree-kill` does it: one
 * snapshot of (pid, ppid), children before parents.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { collect, endChild, waitFor } from "../helpers/daemon-process.ts";
import { processes, processOf } from "../helpers/os-look.ts";
import { untilGone } from "./heads.ts";

const SESSION = "tree";
const REAPER = join(import.meta.dirname, "agents/reaper.pl");
const COOKIE = "LEAK_SUITE_COOKIE";
const PASSES = 20;

export interface Tree extends AsyncDisposable {
  readonly socket: string;
  /** The first process of the tree: a session and process group leader, in a tmux pane. */
  readonly pid: number;
  readonly cookie: string;
  /** The tmux server, which is no part of the tree. */
  readonly server: number;
  /** Who reaps the tree's orphans; above it, and no part of it either. */
  readonly reaper: number;
}

/**
 * Starts a hydra in a tmux server of its own, with a cookie in its environment. Without the fork
 * chains: none of the rivals ends those either, and nor could we, by pid, when they have failed.
 */
export async function startTree(hydra: string, tag: string): Promise<Tree> {
  const folder = mkdtempSync(join(tmpdir(), "rival-"));
  const socket = join(folder, "s");
  const told = ["-P", "-F", "#{pane_pid} #{pid}"];
  const tmux = ["tmux", "-S", socket, "-f", "/dev/null", "new-session", "-d", ...told];
  const command = `exec /usr/bin/perl ${hydra} ${tag}`;
  const reaper = spawn("/usr/bin/perl", [REAPER, ...tmux, "-s", SESSION, command], {
    env: { PATH: process.env["PATH"], HOME: folder, [COOKIE]: tag },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = collect(reaper);
  const text = await waitFor("the pane", () => /^\d+ \d+$/m.exec(output().stdout)?.[0]);
  const [pid = 0, server = 0] = text.split(" ").map(Number);
  return {
    socket,
    pid,
    server,
    reaper: reaper.pid ?? 0,
    cookie: `${COOKIE}=${tag}`,
    async [Symbol.asyncDispose]() {
      if (processOf(server) !== undefined) {
        spawnSync("tmux", ["-S", socket, "kill-server"], { stdio: "ignore" });
      }
      await waitFor("the tree's last process", () => hasEnded(reaper) || undefined);
      await endChild(reaper, 1_000);
      rmSync(folder, { recursive: true });
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return (exitCode ?? signalCode) !== null;
}

export interface Rival {
  readonly name: string;
  readonly end: (tree: Tree) => Promise<void>;
}

export const RIVALS: readonly Rival[] = [
  {
    name: "tmux kill-session",
    end: async ({ socket }) =>
      void execFileSync("tmux", ["-S", socket, "kill-session", "-t", `=${SESSION}`]),
  },
  { name: "kill(-pgid), SIGKILL", end: async ({ pid }) => void process.kill(-pid, "SIGKILL") },
  { name: "walk over parents, SIGKILL", end: async ({ pid }) => killTree(pid) },
  { name: "environment cookie, SIGKILL to fixpoint", end: killByCookie },
];

function killTree(root: number): void {
  const children = Map.groupBy(processes(), ({ ppid }) => ppid);
  const below = (pid: number): readonly number[] => [
    ...(children.get(pid) ?? []).flatMap((child) => below(child.pid)),
    pid,
  ];
  for (const pid of below(root)) killOne(pid);
}

async function killByCookie({ cookie, server, reaper }: Tree): Promise<void> {
  const outside = new Set([server, reaper]);
  for (let pass = 0; pass < PASSES; pass += 1) {
    const found = processes().filter(({ pid }) => !outside.has(pid) && hasCookie(pid, cookie));
    if (found.length === 0) return;
    for (const { pid } of found) killOne(pid);
    await sleep(2);
  }
}

function hasCookie(pid: number, cookie: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(cookie);
  } catch {
    return false; // it ended, or hides its environment
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}

/** Ends what a rival has left: the exact pids that bear this run's own tag, until none is left. */
export async function endTagged(tag: string): Promise<void> {
  const { left } = await untilGone(tag, 10_000, (pids) => pids.forEach(killOne));
  if (left > 0) throw new Error(`${left} survivors of ${tag} cannot be ended`);
}
