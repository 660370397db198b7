/**
 * The usual ways of ending a process tree, each at its best, so that they can be seen beside
 * Corral in the same run. The walk over parents is ours, written as npm `tree-kill` does it: one
 * snapshot of (pid, ppid), children before parents.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tagged, until } from "../fixtures/agents/tagged.ts";
import { processes, processOf } from "../helpers/os-look.ts";

const SESSION = "tree";
const COOKIE = "LEAK_SUITE_COOKIE";
const PASSES = 20;

export interface Tree extends AsyncDisposable {
  readonly socket: string;
  /** The first process of the tree: a session and process group leader, in a tmux pane. */
  readonly pid: number;
  readonly cookie: string;
}

/** Starts a hydra in a tmux server of its own, with a cookie in its environment. */
export function startTree(hydra: string, tag: string): Tree {
  const folder = mkdtempSync(join(tmpdir(), "rival-"));
  const socket = join(folder, "s");
  const tmux = (...args: readonly string[]) =>
    execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: folder, [COOKIE]: tag },
    });
  tmux("new-session", "-d", "-s", SESSION, `exec /usr/bin/perl ${hydra} ${tag} hop`);
  const pid = Number(tmux("list-panes", "-a", "-F", "#{pane_pid}"));
  const server = Number(tmux("display-message", "-p", "#{pid}"));
  return {
    socket,
    pid,
    cookie: `${COOKIE}=${tag}`,
    async [Symbol.asyncDispose]() {
      if (processOf(server) !== undefined) {
        spawnSync("tmux", ["-S", socket, "kill-server"], { stdio: "ignore" });
      }
      await until("the tmux server is gone", () => processOf(server) === undefined);
      rmSync(folder, { recursive: true });
    },
  };
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

async function killByCookie({ cookie, pid: leader }: Tree): Promise<void> {
  const server = processOf(leader)?.ppid;
  for (let pass = 0; pass < PASSES; pass += 1) {
    const found = processes().filter(({ pid }) => pid !== server && hasCookie(pid, cookie));
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
  await until("no survivor is left", () => {
    const left = tagged(tag);
    for (const pid of left) killOne(pid);
    return left.length === 0;
  });
}
