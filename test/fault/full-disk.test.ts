/**
 * G3, G10: a disk that runs short is seen, told, and never fatal; caps hold; what ends on a full
 * disk is written down. Real daemons on real small file systems, which need root.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import type { HealthAnswer } from "../../src/contract/api.ts";
import type { FaultWire } from "../../src/kernel/fault.ts";
import type { TaskStatusAnswer } from "../../src/contract/tools.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { canMount } from "../helpers/small-disk.ts";
import { type Deployed, makePlace, type Place, type PlaceOptions } from "../leaks/place.ts";

const MEGABYTES = 16;
const MIB = 1_048_576;
const LOOKS = { CORRAL_DISK_LOOK_MS: "100" };
const PATIENCE_MS = 60_000;
const QUIET = ["/bin/sleep", "600"];

const small = (more: PlaceOptions = {}): Promise<Place> =>
  makePlace({ diskMegabytes: MEGABYTES, ...more, env: { ...LOOKS, ...more.env } });

/** Prints that many KiB every hundredth of a second. */
const printer = (kib: number): readonly string[] => [
  "/usr/bin/perl",
  "-e",
  `$| = 1; for (;;) { print "x" x 1023, "\\n" for 1 .. ${kib}; select undef, undef, undef, 0.01 }`,
];

function alertsOf({ world }: Place): readonly Record<string, unknown>[] {
  const database = new DatabaseSync(world.paths.database, { readOnly: true });
  try {
    return database
      .prepare("SELECT facts FROM events WHERE kind = 'alert' ORDER BY seq")
      .all()
      .map((row) => JSON.parse(String(row["facts"])) as Record<string, unknown>)
      .filter(({ alert }) => alert === "disk");
  } finally {
    database.close();
  }
}

async function refusalOf(call: Promise<unknown>): Promise<FaultWire> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  if (error === undefined) throw new Error("it was not refused");
  return (JSON.parse(error.message) as { error: FaultWire }).error;
}

const agentOf = (place: Place, { agent_id }: AgentView): Promise<AgentView> =>
  place.api<AgentView>(`/api/agents/${agent_id}`);

const level = async (place: Place): Promise<string | undefined> =>
  (await place.api<HealthAnswer>("/api/health")).disk?.level;

const reach = (place: Place, wanted: string) =>
  waitFor(
    `the level ${wanted}`,
    async () => ((await level(place)) === wanted ? true : undefined),
    PATIENCE_MS,
  );

const settled = (place: Place, agent: AgentView) =>
  waitFor(
    `the end of ${agent.agent_id}`,
    async () => {
      const seen = await agentOf(place, agent);
      return seen.ended_at === null ? undefined : seen;
    },
    PATIENCE_MS,
  );

const filledBallast = (place: Place) =>
  waitFor(
    "a full ballast",
    async () => (ballastOf(place) === (MEGABYTES * MIB) / 16 ? true : undefined),
    PATIENCE_MS,
  );

function ballastOf({ world }: Place): number {
  const folder = world.paths.ballastDir;
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

describe.skipIf(!canMount())("a state directory on a small disk", { timeout: 150_000 }, () => {
  test("floors: told, refused by name, shown, and over when there is room", async () => {
    await using place = await small();
    const daemon = await place.start();
    const taskId = await place.task();
    const runs = await place.deploy(QUIET, taskId);
    await filledBallast(place);
    await reach(place, "fine");
    place.disk().leave(0.17 * MEGABYTES * MIB);
    await reach(place, "warn");
    const warned = await place.deploy(["/bin/sh", "-c", "exit 0"], taskId);
    place.disk().leave(0.135 * MEGABYTES * MIB);
    const refusal = await refusalOf(place.deploy(["/bin/sh", "-c", "exit 0"], taskId));
    await reach(place, "refuse");
    const doctor = await place.world.corral(["doctor"], { env: place.env });
    const status = await place.world.corral(["status"], { env: place.env });
    place.disk().giveRoom();
    await reach(place, "fine");
    const after = await place.deploy(["/bin/sh", "-c", "exit 0"], taskId);
    const [done] = await place.clean([after.agent_id]);

    expect(refusal).toMatchObject({
      code: "LIMIT_REACHED",
      retryable: true,
      details: { limit: "disk_free", setting: "disk_admit_free" },
    });
    expect(refusal.message).toContain(place.world.paths.stateDir);
    expect(doctor.stdout).toContain("(refuse); warn below 3.2 MiB");
    expect(doctor.code).not.toBe(0);
    expect(status.stdout).toContain('below the floor "refuse"');
    const told = alertsOf(place);
    expect(told.map((facts) => facts["level"])).toEqual(["warn", "refuse", "fine"]);
    for (const facts of told) expect(facts["next_step"]).toMatch(/\S/);
    expect(told[1]).toMatchObject({ setting: "disk_admit_free", previous: "warn" });
    expect(done?.status).toBe("completed");
    expect((await agentOf(place, runs)).status).toBe("running");
    expect((await agentOf(place, warned)).status).toBe("completed");
    expect(await place.down(daemon)).toEqual([]);
    expect(existsSync(place.world.paths.ballastDir)).toBe(false);
  });

  test("floors: inodes count as room does", async () => {
    await using place = await small({ diskInodes: 400 });
    const daemon = await place.start();
    const taskId = await place.task();
    place.disk().fillInodes();
    const refusal = await refusalOf(place.deploy(QUIET, taskId));
    expect(refusal).toMatchObject({ code: "LIMIT_REACHED", details: { limit: "inodes_free" } });
    expect(await place.down(daemon)).toEqual([]);
  });

  test("floors: the agent that writes most is stopped, with a reason, and nobody else", async () => {
    await using place = await small();
    const daemon = await place.start();
    const taskId = await place.task();
    const quiet = await place.deploy(QUIET, taskId);
    const beats = "while :; do echo alive; sleep 0.1; done";
    const slow = await place.deploy(["/bin/sh", "-c", beats], taskId);
    const fast = await place.deploy(printer(20), taskId);
    const end = await settled(place, fast);
    place.disk().giveRoom();
    expect(end).toMatchObject({ status: "killed" });
    expect(end.reason).toMatch(/disk_stop_free.*wrote most/);
    expect((await agentOf(place, quiet)).status).toBe("running");
    expect((await agentOf(place, slow)).status).toBe("running");
    expect(alertsOf(place).map((facts) => facts["level"])).toContain("stop");
    expect(await place.down(daemon)).toEqual([]);
  });

  test("full: a kill is recorded, an end meanwhile is, and both without a human", async () => {
    // No floor acts here: the ballast alone has to do.
    const off = { CORRAL_DISK_STOP_FREE: "0", CORRAL_DISK_ADMIT_FREE: "0" };
    await using place = await small({ env: off });
    const daemon = await place.start();
    const taskId = await place.task();
    await filledBallast(place);
    const noisy = await place.deploy(printer(100), taskId);
    const ending = await place.deploy(["/bin/sh", "-c", "sleep 1; exit 7"], taskId);
    place.disk().fill();
    const other = await settled(place, ending);
    place.disk().fill();
    await place.end(noisy);
    const killed = await settled(place, noisy);
    const [first, second] = await place.clean([noisy.agent_id, ending.agent_id]);
    expect(killed).toMatchObject({ status: "killed", reason: "The leak suite ends it." });
    expect(other).toMatchObject({ status: "failed", exit_code: 7 });
    expect([first?.cleanup.state, second?.cleanup.state]).toEqual(["clean", "clean"]);
    place.disk().giveRoom();
    await waitFor(
      "the ballast to be full again",
      async () => (ballastOf(place) >= MIB ? true : undefined),
      PATIENCE_MS,
    );
    expect(await place.down(daemon)).toEqual([]);
  });

  test("full, with the daemon dead: what ended meanwhile is settled as it ended", async () => {
    await using place = await small();
    const first = await place.start();
    const ending = await place.deploy(["/bin/sh", "-c", "sleep 1; exit 7"]);
    await filledBallast(place);
    await place.kill(first);
    place.disk().fill();
    await waitFor(
      "the exit record",
      async () => (existsSync(join(ending.workspace, "exit.json")) ? true : undefined),
      PATIENCE_MS,
    );
    place.disk().giveRoom();
    const second = await place.start();
    const [seen] = await place.clean([ending.agent_id]);
    expect(seen).toMatchObject({ status: "failed", exit_code: 7 });
    expect(await place.down(second)).toEqual([]);
  });

  test("full, with the daemon dead: the next one starts, ends what runs, and leaves", async () => {
    const off = { CORRAL_DISK_STOP_FREE: "0" };
    await using place = await small({ env: off });
    const first = await place.start();
    await filledBallast(place);
    const noisy = await place.deploy(printer(100));
    place.disk().fill();
    await place.kill(first);
    place.disk().fill();
    const second = await place.start();
    expect((await agentOf(place, noisy)).status).toBe("running");
    expect(await place.down(second)).toEqual([]);
    const database = new DatabaseSync(place.world.paths.database);
    const ends = database.prepare("SELECT status, reason FROM agents").all();
    database.close();
    expect(ends).toMatchObject([{ status: "killed", reason: "Corral was shut down." }]);
  });

  test("the ballast of a dead daemon is filled by the next, and swept when none comes", async () => {
    await using place = await small();
    const first = await place.start();
    await waitFor("a piece", async () => (ballastOf(place) > 0 ? true : undefined), PATIENCE_MS);
    await place.kill(first);
    const second = await place.start();
    await filledBallast(place);
    await place.kill(second);
    expect(ballastOf(place)).toBe(MIB);
    const swept = await place.world.corral(["sweep", "--apply"], { env: place.env });
    expect(swept.stdout).toContain("ballast");
    expect(existsSync(place.world.paths.ballastDir)).toBe(false);
  });
});

describe("caps", { timeout: 150_000 }, () => {
  const quick = (more: Readonly<Record<string, string>> = {}): Promise<Place> =>
    makePlace({ env: { ...LOOKS, ...more } });

  async function capped(place: Place, agent: Deployed, setting: string): Promise<AgentView> {
    const end = await settled(place, agent);
    expect(end).toMatchObject({ status: "killed" });
    expect(end.reason).toContain(setting);
    return end;
  }

  test("an agent that has printed what it may is stopped, and every byte is there", async () => {
    await using place = await quick();
    const daemon = await place.start();
    const agent = await place.deploy(printer(20), undefined, { output_mb: 1 });
    const end = await capped(place, agent, "limit_output_mb");
    await place.clean([agent.agent_id]);
    const { size } = statSync(join(agent.workspace, "stream.jsonl"));
    expect(size).toBeGreaterThanOrEqual(MIB);
    expect(end.output_bytes).toBeGreaterThanOrEqual(MIB);
    expect(await place.down(daemon)).toEqual([]);
  });

  test("its temporary files count, and are gone afterwards", async () => {
    await using place = await quick();
    const daemon = await place.start();
    const script =
      'i=0; while :; do head -c 1000000 /dev/urandom >"$TMPDIR/$i"; i=$((i+1)); sleep 0.1; done';
    const agent = await place.deploy(["/bin/sh", "-c", script], undefined, { disk_mb: 2 });
    await capped(place, agent, "limit_disk_mb");
    await place.clean([agent.agent_id]);
    const after = await waitFor(
      "the last look",
      async () => {
        const seen = await agentOf(place, agent);
        return (seen.disk_bytes ?? MIB) < MIB ? seen : undefined;
      },
      PATIENCE_MS,
    );
    expect(after.disk_bytes).toBeGreaterThan(0);
    expect(await place.down(daemon)).toEqual([]);
  });

  test("a task that has taken what it may loses its noisiest, and gets no other", async () => {
    await using place = await quick();
    const daemon = await place.start();
    const taskId = await place.task({ disk_mb: 1 });
    const quiet = await place.deploy(QUIET, taskId);
    const noisy = await place.deploy(printer(20), taskId);
    await capped(place, noisy, "limit_task_disk_mb");
    await place.clean([noisy.agent_id]);
    const refusal = await refusalOf(place.deploy(QUIET, taskId));
    const status = await place.api<TaskStatusAnswer>("/api/tools/get_real_task_status", {
      task_id: taskId,
    });
    expect(refusal).toMatchObject({
      code: "LIMIT_REACHED",
      details: { limit: "disk", setting: "limit_task_disk_mb" },
    });
    expect(status.limits.disk.limit).toBe(MIB);
    expect(status.limits.disk.used).toBeGreaterThanOrEqual(MIB);
    expect((await agentOf(place, quiet)).status).toBe("running");
    expect(await place.down(daemon)).toEqual([]);
  });
});
