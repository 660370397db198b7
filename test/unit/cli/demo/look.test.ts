import { spawn } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  existingCgroups,
  HAS_PROC,
  learnWorld,
  look,
} from "../../../../src/surface/cli/demo/look.ts";

function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "demo-look-")));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const target = (root: string) => ({ root, mark: null, cgroups: [], sockets: [] });

test("sees a process in the folder, and no longer when it has ended", async () => {
  const root = folder();
  expect(look(target(root)).named).toEqual([]);
  const child = spawn("sleep", ["60"], { cwd: root, stdio: "ignore" });
  await once(child, "spawn");
  expect(look(target(root)).named).toEqual(HAS_PROC ? [child.pid] : []);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(look(target(root)).named).toEqual([]);
});

test("sees a file that is held open", () => {
  const root = folder();
  writeFileSync(join(root, "held"), "");
  const held = openSync(join(root, "held"), "r");
  expect(look(target(root)).files).toEqual([`${process.pid}: ${join(root, "held")}`]);
  closeSync(held);
  expect(look(target(root)).files).toEqual([]);
});

test.runIf(HAS_PROC)(
  "learns the mark of what runs in the folder, and finds by it alone",
  async () => {
    const root = folder();
    const marked = (cwd: string) =>
      spawn("prlimit", ["--msgqueue=781001:781001", "sleep", "60"], { cwd, stdio: "ignore" });
    const [inside, outside] = [marked(root), marked("/")];
    await untilExec([inside.pid, outside.pid]);
    const { mark, cgroups } = learnWorld(root, existingCgroups());
    expect({ mark, cgroups }).toEqual({ mark: 781_001, cgroups: [] });
    const seen = look({ ...target(root), mark });
    expect(seen.named).toEqual([inside.pid]);
    expect(seen.marked).toEqual(expect.arrayContaining([inside.pid, outside.pid]));
    for (const child of [inside, outside]) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(look({ ...target(root), mark }).marked).toEqual([]);
  },
);

/** prlimit sets the limit just before it becomes sleep; a look in between would be too early. */
async function untilExec(pids: readonly (number | undefined)[]): Promise<void> {
  const isSleep = (pid: number) => commandOf(pid).startsWith("sleep");
  await expect.poll(() => pids.every((pid) => pid !== undefined && isSleep(pid))).toBe(true);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

test("counts only the sockets and directories that still exist", () => {
  const root = folder();
  writeFileSync(join(root, "a.sock"), "");
  const sockets = [join(root, "a.sock"), join(root, "b.sock")];
  const cgroups = [root, join(root, "gone")];
  const seen = look({ ...target(root), sockets, cgroups });
  expect({ sockets: seen.sockets, cgroups: seen.cgroups }).toEqual({
    sockets: [join(root, "a.sock")],
    cgroups: [root],
  });
});
