/** `corral doctor --orphans` over real processes that have lost their parents, and ones that have not. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Orphan, OrphansAnswer } from "../../src/contract/orphans.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { processOf } from "../helpers/os-look.ts";
import { makeWorld } from "../helpers/world.ts";

const REAPER = join(import.meta.dirname, "../leaks/agents/reaper.pl");
/**
 * Forks, perhaps leads a session, and becomes a sleeper with the given words as its argv; the
 * parent writes the pid down and leaves.
 */
const LOSE_PARENT = `
  my ($file, $detach, @argv) = @ARGV;
  my $pid = fork;
  if ($pid) { open my $out, ">", $file; print $out $pid; close $out; exit 0 }
  if ($detach) { require POSIX; POSIX::setsid(); exit 0 if fork; open my $out, ">", "$file.second"; print $out $$; close $out }
  exec { "/bin/sleep" } @argv;
`;

async function pidIn(file: string): Promise<number> {
  const read = () => {
    try {
      return Number(readFileSync(file, "utf8")) || undefined;
    } catch {
      return undefined;
    }
  };
  return await waitFor(file, read);
}

test("lists what has lost its parent, with age, memory and folder, and touches nothing", async () => {
  await using world = await makeWorld();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "orphans-")));
  const lose = (before: readonly string[], file: string, detach: string, ...argv: string[]) => {
    const words = [
      ...before,
      "/usr/bin/perl",
      "-e",
      LOSE_PARENT,
      join(folder, file),
      detach,
      ...argv,
    ];
    const [program = "", ...rest] = words;
    // In a session of its own: in a container, init may be in the session of this test.
    return spawn(program, rest, { cwd: folder, stdio: "ignore", detached: true });
  };
  lose([], "plain", "", "claude", "301");
  lose([], "daemon", "1", "mcp-server-git", "302");
  // A subreaper takes it in: its parent is not pid 1, and bears a name that nobody knows.
  const reaper = lose(["/usr/bin/perl", REAPER, "setsid"], "reaped", "", "codex", "303");
  lose(["prlimit", "--msgqueue=400000:790001", "--"], "marked", "", "gemini", "304");
  const alive = spawn("/bin/sleep", ["305"], { argv0: "claude", cwd: folder, stdio: "ignore" });

  const pids = {
    plain: await pidIn(join(folder, "plain")),
    daemon: await pidIn(join(folder, "daemon.second")),
    reaped: await pidIn(join(folder, "reaped")),
    marked: await pidIn(join(folder, "marked")),
    alive: alive.pid ?? 0,
  };
  try {
    for (const pid of Object.values(pids)) {
      await waitFor("its argv", () => (processOf(pid)?.name === "sleep" ? true : undefined));
    }
    const ran = await world.corral(["doctor", "--orphans", "--json"]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
    const answer = JSON.parse(ran.stdout) as OrphansAnswer;
    const found = (pid: number): Orphan | undefined =>
      answer.orphans.find((orphan) => orphan.pid === pid);

    expect(found(pids.plain)).toMatchObject({ kind: "agent", what: "claude", cwd: folder });
    expect(found(pids.daemon)).toMatchObject({ kind: "mcp-server", what: "mcp-server-git" });
    expect(found(pids.reaped)).toMatchObject({ what: "codex", parent: `perl (${reaper.pid})` });
    expect(found(pids.plain)?.memory_bytes).toBeGreaterThan(100_000);
    expect(found(pids.plain)?.age_s).toBeLessThan(60);
    expect([found(pids.marked), found(pids.alive)]).toEqual([undefined, undefined]);
    expect(answer.own).toBeGreaterThanOrEqual(1);
    expect((await world.corral(["doctor", "--orphans"])).stdout).toContain(
      "Corral lists these and touches none of them.",
    );
    for (const pid of Object.values(pids)) expect(processOf(pid)?.name).toBe("sleep");
  } finally {
    for (const pid of Object.values(pids)) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
