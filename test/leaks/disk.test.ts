/**
 * G1, G3, G4, G10: a full disk, a write that fails, a read-only state directory, no more file handles:
 * the fault is clear, nothing that was acknowledged is lost, and nothing is left once there is room.
 */
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { errnoOf, FAULT_CODES, type FaultWire } from "../../src/kernel/fault.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints, recordScenario } from "../helpers/fault-rounds.ts";
import { SCENARIOS } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";
import { makePlace, type Place, type PlaceOptions } from "./place.ts";
import { LOOP_KINDS, whyNoLoopDisk } from "../helpers/loop-disk.ts";
import { canMount } from "../helpers/small-disk.ts";

/** Ports that write to the disk; their reads fail elsewhere (test/fault/throwing-ports.test.ts). */
const WRITES =
  /^(store\.(addTask|admitAgent|revokeToken|markRunning|settle|intend|confirmResource|beginRelease|recordReleases|addEvent)|files\.(prepare|link|remove|makeWorkspace)|launchScripts\.write)$/;
const MEGABYTES = 8;
/** Of RLIMIT_NOFILE; a daemon at rest has about thirty. */
const FEW_FILES = 64;

const ROW = { place: 7 } as const;

/** What a caller hears whose connection the daemon had no handle for. */
const NOT_ACCEPTED = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED"]);

/** What a failed call said; null when it did not fail. */
async function faultOf(call: Promise<unknown>): Promise<FaultWire | string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && NOT_ACCEPTED.has(errno)) return errno;
    return (JSON.parse((error as Error).message) as { error: FaultWire }).error;
  }
}

function codeOf(fault: FaultWire | string | null): string | null {
  return fault === null || typeof fault === "string" ? fault : fault.code;
}

function expectClear(fault: FaultWire | string | null, where: string): void {
  if (fault === null || typeof fault === "string") return;
  expect(FAULT_CODES, where).toContain(fault.code);
  expect(fault.hint, where).toMatch(/\S/);
}

test("the n-th write fails", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const passed = await recordScenario(fault, daemon, SCENARIOS[0]!);
  const writes = passed.filter(
    ({ point, nth }) => WRITES.test(point) && nth <= COUNTS.failingCalls,
  );
  const wrong: string[] = [];
  const codes = new Map<string, number>();
  let hits = 0;
  for (const { point, nth } of writes) {
    await daemon.arm({ point, nth, when: "before", act: "throw", errno: "ENOSPC" });
    const refused = await faultOf(fault.deploy(["/bin/sh", "-c", "exit 0"]));
    expectClear(refused, point);
    const code = codeOf(refused) ?? "none: tried again";
    codes.set(code, (codes.get(code) ?? 0) + 1);
    await allClean(() => fault.agents());
    hits += (await daemon.told()).hits;
    await daemon.arm(null);
    wrong.push(...(await lastComplaints(fault)).map((what) => `${point}:${nth}: ${what}`));
  }
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains());
  addRow({
    ...ROW,
    test: "the n-th write fails (ENOSPC)",
    count: `${hits} writes`,
    left: `${wrong.length} left or wrong`,
    worst: "–",
    also: `faults: ${[...codes].map(([code, count]) => `${count} ${code}`).join(", ")}`,
  });
  expect(wrong).toEqual([]);
  expect(hits).toBeGreaterThan(8);
});

async function allClean(agents: () => Promise<readonly AgentView[]>): Promise<void> {
  const areClean = async () => {
    const isDone = ({ ended_at, cleanup }: AgentView) =>
      ended_at !== null && cleanup.state === "clean";
    return (await agents()).every(isDone) ? true : undefined;
  };
  await waitFor("every agent to be clean", areClean, 20_000);
}

/** Posts over a connection that was there before the handles ran out; the daemon serves one request on each. */
function heldConnection(place: Place) {
  const open = (): Socket => connect(place.world.paths.socket).on("error", () => undefined);
  let ready = open();
  const post = (path: string, body: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const options = { path, method: "POST", headers, createConnection: () => ready };
      const asked = request(options, (response) => {
        let text = "";
        response.on("data", (part: Buffer) => (text += part.toString()));
        response.on("end", () =>
          response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text)),
        );
      });
      asked.on("error", reject);
      asked.end(JSON.stringify(body));
    }).finally(() => {
      ready.destroy();
      ready = open();
    });
  return { post, close: () => ready.destroy() };
}

test("no more file handles (EMFILE)", async () => {
  await using place = await makePlace({ files: FEW_FILES });
  const daemon = await place.start();
  const taskId = await place.task();
  const held = heldConnection(place);
  const connections: Socket[] = [];
  const refusals = new Map<string, number>();
  let [deploys, refused] = [0, 0];
  try {
    for (let more = 0; more < FEW_FILES && refused < 5; more += 1) {
      const call = held.post("/api/tools/deploy_headless_agent", {
        task_id: taskId,
        agent_type: "worker",
        prompt: "Do what the command does.",
        harness: "command",
        command: ["/bin/sh", "-c", "exit 0"],
      });
      const fault = await faultOf(call);
      expectClear(fault, `with ${more} connections`);
      deploys += 1;
      if (fault !== null) {
        refused += 1;
        const code = codeOf(fault) ?? "";
        refusals.set(code, (refusals.get(code) ?? 0) + 1);
      }
      connections.push(connect(place.world.paths.socket).on("error", () => undefined));
      await sleep(5);
    }
  } finally {
    for (const socket of connections) socket.destroy();
    held.close();
  }
  await allClean(() => place.agents());
  const after = await place.deploy(["/bin/sh", "-c", "exit 0"], taskId);
  const [last] = await place.clean([after.agent_id]);
  const left = await place.down(daemon);
  addRow({
    ...ROW,
    test: `EMFILE: ${FEW_FILES} handles, ever fewer of them free`,
    count: `${deploys} deploys`,
    left: `${left.length} left or wrong`,
    worst: "–",
    also: `faults: ${[...refusals].map(([code, count]) => `${count} ${code}`).join(", ")}`,
  });
  expect(refused).toBeGreaterThan(0);
  expect(last?.status).toBe("completed");
  expect(left).toEqual([]);
});

/**
 * How many of the lines that were written are neither in its file, nor in its archive by now, nor told to be
 * deleted: short of space, the daemon archives what has ended, and deletes the oldest archives.
 */
async function linesLost(
  place: Place,
  { agent_id, workspace }: { readonly agent_id: string; readonly workspace: string },
  written: number,
): Promise<number> {
  const missing = (text: string): number => Math.max(0, written - text.split("\n").length + 1);
  const file = join(workspace, "stream.jsonl");
  if (existsSync(file)) return missing(readFileSync(file, "latin1"));
  const logs = await place.world.corral(["logs", agent_id], { env: place.env });
  if (logs.stdout !== "") return missing(logs.stdout);
  return wasDeletedForSpace(place, agent_id) ? 0 : written;
}

function wasDeletedForSpace({ world }: Place, agentId: string): boolean {
  using database = new DatabaseSync(world.paths.database, { readOnly: true });
  const told = database
    .prepare("SELECT facts FROM events WHERE kind = 'archive.deleted' AND agent_id = ?")
    .all(agentId);
  return told.some(({ facts }) => String(facts).includes("short of space"));
}

interface Disk {
  /** As the table and the names of tests call it. */
  readonly name: string;
  /** Why there is none here; null when there is. */
  readonly missing: string | null;
  readonly options: PlaceOptions;
  /** Whether the ballast's room is there at once: where nothing is written in place, only after a while. */
  readonly givesAtOnce: boolean;
}

const DISKS: readonly Disk[] = [
  {
    name: `tmpfs of ${MEGABYTES} MB`,
    missing: canMount() ? null : "this process may not mount",
    options: { diskMegabytes: MEGABYTES },
    givesAtOnce: true,
  },
  ...LOOP_KINDS.map((kind) => ({
    name: `${kind} on a loop device`,
    missing: whyNoLoopDisk(kind),
    options: { diskKind: kind },
    givesAtOnce: kind !== "btrfs",
  })),
];
for (const { name, missing } of DISKS) {
  if (missing !== null) process.stdout.write(`skipped: a state directory on ${name}: ${missing}\n`);
}

describe.for(DISKS)("a state directory on $name", { timeout: 120_000 }, (on) => {
  const isThere = test.skipIf(on.missing !== null);
  isThere("that is full", async () => {
    await using place = await makePlace(on.options);
    const daemon = await place.start();
    const taskId = await place.task();
    const writer = join(import.meta.dirname, "agents/counting-writer.pl");
    const counter = join(place.project, "counter");
    const noisy = await place.deploy(["/usr/bin/perl", writer, counter, "1000000"], taskId);
    const ending = await place.deploy(["/bin/sh", "-c", "sleep 1; exit 7"], taskId);
    await sleep(300);
    place.disk().fill();
    const refused = await faultOf(place.deploy(["/bin/sleep", "600"], taskId));
    const unkilled = await faultOf(place.end(noisy));
    expectClear(unkilled, "a kill");
    await sleep(1_000); // the other agent ends while there is no room for its record
    place.disk().giveRoom();
    const [one, other] = await place.clean([noisy.agent_id, ending.agent_id]);
    const written = Number(readFileSync(counter).readBigUInt64LE());
    const lost = await linesLost(place, noisy, written);
    const after = await place.deploy(["/bin/sh", "-c", "exit 0"], taskId);
    await place.clean([after.agent_id]);
    const left = await place.down(daemon);
    addRow({
      ...ROW,
      test: `a full disk (${on.name})`,
      count: "1 ×",
      left: `${left.length} left or wrong, ${lost} lines lost`,
      worst: "–",
      also: `deploy ${codeOf(refused)}, kill ${codeOf(unkilled) ?? "done"}; exit code of what ended meanwhile: ${other?.exit_code}`,
    });
    // By the floor, or by the first thing that a deploy writes: whichever comes first.
    expect(["LIMIT_REACHED", "DISK_FULL"]).toContain(codeOf(refused));
    // The ballast has room for the record of a kill; elsewhere it is killed all the same, and recorded later.
    expect(on.givesAtOnce ? [null] : [null, "DISK_FULL"]).toContain(codeOf(unkilled));
    expect(one?.status).toBe("killed");
    expect(other).toMatchObject({ status: "failed", exit_code: 7 });
    expect(lost).toBe(0);
    expect(left).toEqual([]);
  });

  isThere("that is full, while the daemon is dead", async () => {
    await using place = await makePlace(on.options);
    const first = await place.start();
    const ending = await place.deploy(["/bin/sh", "-c", "sleep 1; exit 7"]);
    await place.kill(first);
    place.disk().fill();
    const record = join(ending.workspace, "exit.json");
    const isWritten = async () => (existsSync(record) ? true : undefined);
    if (on.givesAtOnce) await waitFor("the exit record", isWritten, 30_000);
    else await sleep(3_000);
    place.disk().giveRoom();
    const second = await place.start();
    const [seen] = await place.clean([ending.agent_id]);
    const left = await place.down(second);
    addRow({
      ...ROW,
      test: `a full disk while the daemon is dead (${on.name})`,
      count: "1 ×",
      left: `${left.length} left or wrong`,
      worst: "–",
      also: `exit code of what ended meanwhile: ${seen?.exit_code}`,
    });
    // Without a record nothing is known of its end, and nothing is made up.
    const isLost = !on.givesAtOnce && seen?.status === "lost";
    expect(seen).toMatchObject(isLost ? { exit_code: null } : { status: "failed", exit_code: 7 });
    expect(left).toEqual([]);
  });

  isThere("that is read-only", async () => {
    await using place = await makePlace(on.options);
    const { world } = place;
    const first = await place.start();
    const agent = await place.deploy(["/bin/sh", "-c", "exit 5"]);
    await place.clean([agent.agent_id]);
    const before = await place.down(first);
    place.disk().readOnly();
    const verbs = [["up"], ["sweep", "--apply"], ["ps"]];
    const answers = [];
    for (const verb of verbs) answers.push(await world.corral(verb, { env: place.env }));
    place.disk().giveRoom();
    const second = await place.start();
    const known = await place.api<AgentView>(`/api/agents/${agent.agent_id}`);
    const left = [...before, ...(await place.down(second))];
    const codes = answers.map(({ stderr }) => /^[A-Z_]+(?=:)/m.exec(stderr)?.[0] ?? stderr.trim());
    addRow({
      ...ROW,
      test: `a read-only state directory (${on.name})`,
      count: `${verbs.length} verbs`,
      left: `${left.length} left or wrong`,
      worst: "–",
      also: `faults: ${verbs.map((verb, nth) => `${verb[0]} ${codes[nth]}`).join(", ")}`,
    });
    expect(answers.map(({ code }) => code === 0)).toEqual([false, false, false]);
    for (const code of codes) expect(FAULT_CODES).toContain(code);
    expect(known).toMatchObject({ status: "failed", exit_code: 5 });
    expect(left).toEqual([]);
  });
});
