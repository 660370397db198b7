/** Scopes of a user manager: the command line, and the probe against stand-ins of systemd-run. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  baseOfScope,
  mayHaveScopes,
  probeScope,
  scopeCommand,
} from "../../../../src/adapters/containment/systemd-scope.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/corral-scope-");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A systemd-run that writes its arguments down, then does as the script says. */
function standIn(script: string): string {
  const path = join(directory, "systemd-run");
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$@" >${directory}/said\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const RUN_IT = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';
const BUS = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1000/bus", PATH: "/usr/bin:/bin" };

test("a scope is the user's, delegated, named, and forgotten when it is empty", () => {
  const systemdRun = standIn(RUN_IT);
  const command = scopeCommand({ systemdRun, unit: "corral-ab12-77", mountPoint: "/nonexistent" });
  const [program, ...args] = [...command, "/bin/echo", "a b", "$HOME", "--"];
  expect(execFileSync(program, args, { encoding: "utf8" })).toBe("a b $HOME --\n");
  expect(readFileSync(join(directory, "said"), "utf8").split("\n").slice(0, 15)).toEqual([
    "--user",
    "--scope",
    "--quiet",
    "--collect",
    "--unit=corral-ab12-77",
    "--description=Corral: a daemon, its tmux server, its agents",
    "-p",
    "Delegate=yes",
    "-p",
    "KillMode=control-group",
    "-p",
    "SendSIGKILL=yes",
    "-p",
    "TimeoutStopSec=30",
    "--",
  ]);
});

test("the program moves into a leaf of its own scope before it begins", () => {
  const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "latin1"))?.[1] ?? "";
  // A folder in place of the mount: where the kernel has its files, it takes the move.
  mkdirSync(join(directory, "mount", own), { recursive: true });
  const options = {
    systemdRun: standIn(RUN_IT),
    unit: "corral-x",
    mountPoint: `${directory}/mount`,
  };
  const [program, ...args] = [...scopeCommand(options), "/bin/true"];
  execFileSync(program, args);
  expect(readFileSync(join(directory, "mount", own, "main/cgroup.procs"), "utf8")).toBe("0\n");
});

test.for(["a b", "", "x;y", "../x", "corral.scope"])("refuses the unit %j", (unit) => {
  expect(() => scopeCommand({ systemdRun: "/x", unit, mountPoint: "/y" })).toThrow(RangeError);
});

test.for([
  {
    own: "/cg/user.slice/app.slice/corral-ab12-7.scope/main",
    base: "/cg/user.slice/app.slice/corral-ab12-7.scope",
  },
  { own: "/cg/user.slice/session-3.scope/main", base: "/cg/user.slice/session-3.scope/main" },
  { own: "/cg/corral-ab12-7.scope", base: "/cg/corral-ab12-7.scope" },
  { own: "/cg", base: "/cg" },
])("below $own groups are made at $base", ({ own, base }) => {
  expect(baseOfScope(own)).toBe(base);
});

test("nobody is asked where there is no user manager", async () => {
  const systemdRun = standIn(RUN_IT);
  expect(await probeScope(systemdRun, { XDG_RUNTIME_DIR: directory })).toEqual({
    available: false,
    detail: "there is no systemd user manager",
  });
  expect(() => readFileSync(join(directory, "said"))).toThrow("ENOENT");
  expect(await probeScope(null, BUS)).toMatchObject({ available: false });
});

test("a manager is known by its bus or its private socket", () => {
  expect(mayHaveScopes(BUS)).toBe(true);
  expect(mayHaveScopes({ XDG_RUNTIME_DIR: directory })).toBe(false);
  mkdirSync(join(directory, "systemd"));
  writeFileSync(join(directory, "systemd/private"), "");
  expect(mayHaveScopes({ XDG_RUNTIME_DIR: directory })).toBe(true);
});

test("only a scope that was really made counts", async () => {
  expect(await probeScope(standIn(RUN_IT), BUS)).toMatchObject({ available: true });
  const fails = 'echo "Failed to connect to bus: No medium found" >&2; exit 1';
  expect(await probeScope(standIn(fails), BUS)).toEqual({
    available: false,
    detail: "the user manager makes no scope: Failed to connect to bus: No medium found",
  });
});

test("a manager that does not answer is given up", async () => {
  expect(await probeScope(standIn("exec sleep 30"), BUS)).toMatchObject({ available: false });
});
