import { expect, test } from "vitest";
import {
  type ListedProcess,
  orphansOf,
  type ProcessDetails,
  wantedDetails,
} from "../../../src/supervision/orphans.ts";

const NOW = Date.parse("2026-11-25T12:00:00.000Z");
const MIB = 1_048_576;

const listed = (
  pid: number,
  ppid: number,
  sessionId: number | null,
  argv: string,
): ListedProcess => ({
  pid,
  ppid,
  sessionId,
  name: argv.split(" ")[0]?.split("/").at(-1) ?? "",
  argv: argv.split(" "),
  startedAt: NOW - pid * 1_000,
});
const plain: ProcessDetails = {
  uid: 1_000,
  memoryBytes: MIB,
  cwd: "/home/a",
  groups: "0::/user.slice/user-1000.slice/session-3.scope\n",
  isOurs: false,
};
const INIT = listed(1, 0, 1, "/sbin/init");
const MANAGER = listed(900, 1, 900, "systemd --user");

function judged(
  processes: readonly ListedProcess[],
  over: Readonly<Record<number, Partial<ProcessDetails>>> = {},
) {
  const all = [INIT, MANAGER, ...processes];
  const details = wantedDetails(all).map((pid) => [pid, { ...plain, ...over[pid] }] as const);
  return orphansOf(all, new Map(details), NOW, null, () => false);
}
const pidsOf = (...args: Parameters<typeof judged>) =>
  judged(...args).orphans.map(({ pid }) => pid);

test("an agent that was born in a session which its parent is not in has lost its own parent", () => {
  const answer = judged([listed(50, 1, 40, "claude -p")]);
  expect(answer.orphans).toMatchObject([
    {
      pid: 50,
      kind: "agent",
      what: "claude",
      parent: "init (1)",
      why: "it was born in session 40, and its parent now is in another",
      age_s: 50,
      started_at: "2026-11-25T11:59:10.000Z",
      memory_bytes: MIB,
      cwd: "/home/a",
      argv: "claude -p",
    },
  ]);
});

test("whoever took it in: a user manager, or a reaper that nobody knows by name", () => {
  const reaper = listed(30, 1, 30, "some-reaper");
  expect(
    pidsOf([reaper, listed(50, 900, 40, "claude"), listed(51, 30, 40, "uvx mcp-server-git")]),
  ).toEqual([51, 50]);
});

test("one that made a session of its own counts under init and known reapers only", () => {
  const shell = listed(30, 1, 30, "other-tool");
  const all = [
    shell,
    listed(50, 1, 50, "codex app-server"),
    listed(51, 900, 51, "uvx mcp-server-git"),
    listed(52, 30, 52, "claude"),
  ];
  expect(pidsOf(all)).toEqual([51, 50]);
});

test("a service of a service manager is none, a process in somebody's login is", () => {
  const groups = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/opencode.service\n";
  const login = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-7.scope\n";
  const all = [listed(50, 900, 50, "opencode serve"), listed(51, 900, 51, "opencode serve")];
  expect(pidsOf(all, { 50: { groups }, 51: { groups: login } })).toEqual([51]);
});

test.for<[string, readonly ListedProcess[]]>([
  ["in a terminal", [listed(40, 30, 40, "bash"), listed(50, 40, 40, "claude")]],
  ["in a pane", [listed(30, 1, 30, "tmux"), listed(50, 30, 50, "claude")]],
  ["below its agent", [listed(40, 30, 40, "claude"), listed(50, 40, 40, "uvx mcp-server-git")]],
  ["of a container's own", [listed(50, 0, 50, "claude")]],
])("one whose parent lives is none: %s", ([, processes]) => {
  expect(pidsOf(processes)).toEqual([]);
});

test("behind a shell or a package runner that has lost its parent it is one, too", () => {
  const all = [
    listed(40, 1, 30, "sh -c x"),
    listed(41, 40, 30, "node /usr/bin/npx -y thing"),
    listed(50, 41, 30, "node /x/node_modules/@playwright/mcp/cli.js"),
  ];
  const [orphan] = judged(all).orphans;
  expect(orphan).toMatchObject({ pid: 50, what: "@playwright/mcp" });
  expect(orphan?.why).toContain("sh (40) above it: it was born in session 30");
});

test("what is below an orphan is told with it, with the memory of all", () => {
  const all = [
    listed(50, 1, 40, "claude"),
    listed(51, 50, 40, "npx mcp-server-git"),
    listed(52, 51, 40, "python3 mcp-server-git"),
    listed(53, 50, 40, "sleep 9"),
  ];
  const { orphans } = judged(all, { 53: { memoryBytes: null } });
  expect(orphans).toMatchObject([{ pid: 50, tree: { processes: 4, memory_bytes: 3 * MIB } }]);
});

test("Corral's own are left out and counted", () => {
  const all = [listed(50, 1, 40, "claude"), listed(51, 1, 40, "claude")];
  expect(judged(all, { 50: { isOurs: true } })).toMatchObject({ orphans: [{ pid: 51 }], own: 1 });
});

test("an agent of Corral whose folder is gone is told, once, with what it runs", () => {
  const runner = (pid: number, ppid: number, folder: string) =>
    listed(pid, ppid, 50, `/bin/sh /opt/corral/runner.sh /state/${folder} agent_${folder}`);
  const all = [
    INIT,
    runner(50, 1, "gone"),
    runner(51, 50, "gone"), // its clock
    listed(52, 50, 52, "claude -p"),
    runner(60, 1, "there"),
    listed(70, 1, 70, "/bin/sh /home/a/runner.sh /state/gone agent_x"), // bears no mark
  ];
  const ours: ProcessDetails = { ...plain, isOurs: true };
  const details = new Map(
    wantedDetails(all).map((pid) => [pid, pid === 70 ? plain : ours] as const),
  );
  const isGone = (path: string): boolean => path === "/state/gone";
  expect(orphansOf(all, details, NOW, null, isGone).orphans).toMatchObject([
    {
      pid: 50,
      kind: "agent",
      what: "agent_gone",
      why: "Corral deployed it, and its state directory is gone: /state/gone",
      tree: { processes: 3 },
    },
  ]);
});

test("one that ended while it was looked at is in no answer", () => {
  const all = [INIT, listed(50, 1, 40, "claude")];
  expect(orphansOf(all, new Map(), NOW, null, () => false)).toEqual({
    orphans: [],
    own: 0,
    best_effort: null,
  });
});

test("where sessions are not told, init as the parent has to do", () => {
  const all = [
    listed(1, 0, null, "/sbin/launchd"),
    listed(50, 1, null, "claude"),
    listed(51, 50, null, "claude mcp serve"),
  ];
  const details = new Map(wantedDetails(all).map((pid) => [pid, plain]));
  const answer = orphansOf(all, details, NOW, "no sessions", () => false);
  expect(answer.orphans.map(({ pid }) => pid)).toEqual([50]);
  expect(answer.best_effort).toBe("no sessions");
});
