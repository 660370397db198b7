/** Rotation, archive, retention and `corral archive`, as a user meets them. */
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ArchiveAnswer, ArchivesAnswer, PruneAnswer } from "../../src/contract/archive.ts";
import { KIB } from "../../src/kernel/units.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import {
  deploy,
  type Deployed,
  eventSeen,
  QUICK,
  receiptOf,
  shell,
  waitCleanOne,
} from "./support.ts";

const LINES = 6_000;
/** Known only as the value of a variable. */
const PLANTED = "plugh-4711-xyzzy";
/** Says a secret on stderr and 100 bytes a line on both streams, then waits for a word, then fails. */
const TALKER = (go: string) =>
  shell(
    `echo "log in with $MY_PASSWORD" >&2; i=0; while [ $i -lt ${LINES} ]; do printf '%09d %089d\\n' $i $i; printf '%09d %089d\\n' $i 7 >&2; i=$((i+1)); done
     while [ ! -e '${go}' ]; do sleep 0.05; done; echo 'the last line'; echo 'no such table' >&2; exit 3`,
  );

function linesUpTo(count: number): string {
  return Array.from({ length: count }, (_, n) => {
    return `${String(n).padStart(9, "0")} ${String(n).padStart(89, "0")}\n`;
  }).join("");
}

describe("an agent that prints a lot", () => {
  let world: World;
  let client: Client;
  let agent: Deployed;
  const EXPECTED = `${linesUpTo(LINES)}the last line\n`;
  const settings = {
    ...QUICK,
    CORRAL_SEGMENT_BYTES: String(64 * KIB),
    CORRAL_ARCHIVE_AFTER_MS: "0",
  };
  const output = (more: object) =>
    callTool(client, "get_agent_output", { task_id: agent.taskId, agent_id: agent.id, ...more });
  const directory = () => join(world.paths.agentsDir, agent.id);
  const logs = async (...options: readonly string[]) =>
    (await world.corral(["logs", ...options, agent.id])).stdout;
  const archive = async <T>(...words: readonly string[]) => {
    const { code, stdout, stderr } = await world.corral(["archive", ...words, "--json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return JSON.parse(stdout) as T;
  };

  beforeAll(async () => {
    world = await makeWorld();
    await world.daemon(settings);
    client = await world.mcp();
    const env = { MY_PASSWORD: PLANTED };
    agent = await deploy(world, client, TALKER(join(world.folder, "go")), { env });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  test("is rotated while it runs, both streams, and reads as if it were not", async () => {
    await waitFor("segments of both streams", () => {
      const names = existsSync(directory()) ? readdirSync(directory()) : [];
      const has = (stream: string) => names.some((name) => name.startsWith(`${stream}.0-`));
      return has("stream.jsonl") && has("stderr.log") ? true : undefined;
    });
    await waitFor("all lines", async () =>
      (await logs()) === linesUpTo(LINES) ? true : undefined,
    );
    const first = await output({ cursor: 0, max_bytes: 10_000 });
    expect(first).toMatchObject({ source: "stream", gaps: [] });
    expect(String(first.output).split("\n")[7]).toMatch(/^000000007 /);
    const next = await output({ cursor: first.next_cursor, max_bytes: 300 });
    expect(String(next.output)).toMatch(
      new RegExp(`^${String(first.next_cursor / 100).padStart(9, "0")} `),
    );
    expect(String((await output({ tail: 1 })).output)).toMatch(/^000005999 /);
  });

  test("becomes one archive when it has ended, and its stderr is in every word about its failure", async () => {
    const cursor = (await output({ cursor: 0, max_bytes: 10_000 })).next_cursor;
    writeFileSync(join(world.folder, "go"), "");
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "failed", exit_code: 3 });
    expect(end.reason).toContain("no such table");
    const made = await eventSeen(world, ({ kind }) => kind === "archive.made");
    expect(made).toMatchObject({ agent_id: agent.id, task_id: agent.taskId });
    expect(existsSync(directory())).toBe(false);
    expect(readdirSync(world.paths.archiveDir)).toEqual([`${agent.id}.tar`]);
    const answer = await output({ cursor, max_bytes: 300, include_metadata: true });
    expect(answer).toMatchObject({ source: "archive", gaps: [], status: "failed" });
    expect(String(answer.output)).toMatch(new RegExp(`^${String(cursor / 100).padStart(9, "0")} `));
    expect(answer.stderr).toMatch(/no such table\n$/);
    expect(answer.metadata?.size_bytes).toBe(EXPECTED.length);
    expect(await logs()).toBe(EXPECTED);
    expect(await logs("--stderr")).toMatch(/no such table\n$/);
    expect((await output({ tail: 1 })).output).toBe("the last line");
  });

  test("is in the receipt and in the workspace under its new place", async () => {
    const receipt = await receiptOf(world, agent.id);
    expect(receipt.cleanup).toMatchObject({ state: "clean" });
    const rows = receipt.resources.map(({ kind, state }) => `${kind} ${state}`);
    expect(rows).toContain("archive retained");
    expect(rows).toContain("stream_log released");
    expect(rows).toContain("deploy_record released");
    const workspace = join(agent.cwd, ".agent-workspace", agent.taskId);
    const link = join(workspace, "archive", `${agent.id}.tar`);
    expect(realpathSync(link)).toBe(realpathSync(join(world.paths.archiveDir, `${agent.id}.tar`)));
    const old = lstatSync(join(workspace, "agents", agent.id), { throwIfNoEntry: false });
    expect(old).toBeUndefined();
  });

  test("is listed, shown and exported", async () => {
    const { archives, total } = await archive<ArchivesAnswer>("list");
    expect(total).toBe(1);
    expect(archives[0]).toMatchObject({ agent_id: agent.id, status: "failed" });
    expect(archives[0]!.bytes).toBeLessThan(archives[0]!.output_bytes / 3);
    const { manifest } = await archive<ArchiveAnswer>("show", agent.id.slice(0, -2));
    expect(manifest.agent).toMatchObject({ agent_id: agent.id, exit_code: 3 });
    expect(manifest.receipt.owner).toBe(agent.id);
    expect(manifest.members.map(({ name }) => name)).toContain("exit.json");
    const to = join(world.folder, "exported");
    await archive("export", agent.id, to);
    expect(readFileSync(join(to, "stream.jsonl"), "utf8")).toBe(EXPECTED);
    const again = await world.corral(["archive", "export", agent.id, to]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("EXPORT_REFUSED");
  });

  test("is exported without secrets, unless its operator wants them, with a daemon and without", async () => {
    const said = (secret: string) => `log in with ${secret}\n`;
    const stderrOf = (folder: string) => readFileSync(join(folder, "stderr.log"), "utf8");
    const masked = said("*".repeat(PLANTED.length));
    expect(stderrOf(join(world.folder, "exported")).startsWith(masked)).toBe(true);
    const byDaemon = join(world.folder, "by-daemon");
    const answer = await world.api(`/api/archives/${agent.id}/export`, { to: byDaemon });
    expect(answer.body).toMatchObject({ to: byDaemon, redacted: true });
    expect(stderrOf(byDaemon).startsWith(masked)).toBe(true);
    const asked = { to: `${byDaemon}-2`, unredacted: true };
    expect((await world.api(`/api/archives/${agent.id}/export`, asked)).status).toBe(400);
    await world.corral(["down"]);
    const listed = await archive<ArchivesAnswer>("list", "--task", agent.taskId.slice(0, -3));
    expect(listed.archives.map(({ agent_id: id }) => id)).toEqual([agent.id]);
    const shown = await archive<ArchiveAnswer>("show", agent.id.slice(0, -2));
    expect(shown.manifest.agent).toMatchObject({ agent_id: agent.id, exit_code: 3 });
    const dead = join(world.folder, "daemon-dead");
    expect(await archive("export", agent.id, dead)).toMatchObject({ redacted: true });
    expect(stderrOf(dead).startsWith(masked)).toBe(true);
    const plain = join(world.folder, "plain");
    await archive("export", agent.id, plain, "--unredacted");
    expect(stderrOf(plain).startsWith(said(PLANTED))).toBe(true);
    const tar = join(world.folder, "copy.tar");
    await archive("export", agent.id, tar, "--unredacted", "--tar");
    const kept = readFileSync(join(world.paths.archiveDir, `${agent.id}.tar`));
    expect(readFileSync(tar).equals(kept)).toBe(true);
    const dry = await archive<PruneAnswer>("prune", agent.id, "--dry-run");
    expect(dry.deleted.map(({ agent_id: id }) => id)).toEqual([agent.id]);
    expect(existsSync(world.paths.lock) && readdirSync(world.paths.archiveDir)).toHaveLength(1);
  });

  test("is read on after a new daemon, and pruned when somebody asks", async () => {
    await world.corral(["down"]);
    await world.daemon(settings);
    client = await world.mcp();
    expect(await logs()).toBe(EXPECTED);
    const nothing = await world.corral(["archive", "prune"]);
    expect(nothing.code).toBe(2);
    const dry = await archive<PruneAnswer>("prune", "--keep", "0", "--dry-run");
    expect(dry).toMatchObject({ dry_run: true, deleted: [{ agent_id: agent.id }] });
    expect(existsSync(join(world.paths.archiveDir, `${agent.id}.tar`))).toBe(true);
    const pruned = await archive<PruneAnswer>("prune", agent.id);
    expect(pruned).toMatchObject({ deleted: [{ agent_id: agent.id }], failed: [] });
    expect(pruned.freed_bytes).toBe(dry.freed_bytes);
    expect(readdirSync(world.paths.archiveDir)).toEqual([]);
    const told = await eventSeen(world, ({ kind }) => kind === "archive.deleted");
    expect(told.facts).toMatchObject({ kind: "archive", why: expect.stringContaining("by hand") });
    expect(await output({})).toMatchObject({ source: "none", output: "", status: "failed" });
    expect((await world.corral(["archive", "show", agent.id])).code).toBe(3);
  });
});

describe("retention", () => {
  test("by size deletes the oldest archives, of a task and in all", async () => {
    await using world = await makeWorld();
    const bounds = { CORRAL_RETENTION_TASK_BYTES: "300000", CORRAL_RETENTION_BYTES: "500000" };
    await world.daemon({ ...QUICK, ...bounds, CORRAL_ARCHIVE_AFTER_MS: "0" });
    const client = await world.mcp();
    const task = await callTool(client, "create_real_task", {
      description: "Fill the archives, one by one.",
    });
    // Random bytes: an archive takes what was printed.
    const noisy = shell("head -c 200000 /dev/urandom");
    const ids: string[] = [];
    for (const taskId of [task.task_id, task.task_id, undefined, undefined]) {
      const more = taskId === undefined ? {} : { taskId };
      const { id } = await deploy(world, client, noisy, more);
      ids.push(id);
      await eventSeen(world, ({ kind, agent_id }) => kind === "archive.made" && agent_id === id);
    }
    const left = await waitFor("two archives", async () => {
      const { archives, total_bytes } = (await world.api("/api/archives")).body as ArchivesAnswer;
      return total_bytes <= 500_000 ? archives.map(({ agent_id }) => agent_id) : undefined;
    });
    expect(left.toSorted()).toEqual(ids.slice(2).toSorted());
    const ofTask = await eventSeen(
      world,
      ({ kind, agent_id }) => kind === "archive.deleted" && agent_id === ids[0],
    );
    expect(ofTask.facts["why"]).toContain("retention_task_bytes");
    const ofAll = await eventSeen(
      world,
      ({ kind, agent_id }) => kind === "archive.deleted" && agent_id === ids[1],
    );
    expect(ofAll.facts["why"]).toContain("retention_bytes");
  });

  test("by age deletes an archive at the date that its stream had, and tells it", async () => {
    await using world = await makeWorld();
    const soon = {
      CORRAL_RETENTION_MS: "4000",
      CORRAL_ARCHIVE_AFTER_MS: "0",
      CORRAL_SWEEP_MS: "500",
    };
    await world.daemon({ ...QUICK, ...soon });
    const client = await world.mcp();
    const { id } = await deploy(world, client, shell("echo here"));
    await eventSeen(world, ({ kind }) => kind === "archive.made");
    const told = await eventSeen(world, ({ kind }) => kind === "archive.deleted", 20_000);
    expect(told).toMatchObject({
      agent_id: id,
      facts: { kind: "archive", why: "its retention has ended" },
    });
    expect(readdirSync(world.paths.archiveDir)).toEqual([]);
  });
});

test("a file in the place of an archive is not touched, and the agent's files stay", async () => {
  await using world = await makeWorld();
  const daemon = await world.daemon({ ...QUICK, CORRAL_ARCHIVE_AFTER_MS: "3000" });
  const client = await world.mcp();
  const agent = await deploy(world, client, shell("echo mine"));
  const target = join(world.paths.archiveDir, `${agent.id}.tar`);
  writeFileSync(target, "somebody else's");
  await waitCleanOne(world, agent.id);
  await waitFor("the refusal in the log", () =>
    daemon.output().includes('"archive.failed"') ? true : undefined,
  );
  expect(readFileSync(target, "utf8")).toBe("somebody else's");
  expect(existsSync(join(world.paths.agentsDir, agent.id, "stream.jsonl"))).toBe(true);

  const asked = { task_id: agent.taskId, agent_id: agent.id };
  const answer = await callTool(client, "get_agent_output", asked);
  expect(answer).toMatchObject({ source: "stream", output: "mine" });
});
