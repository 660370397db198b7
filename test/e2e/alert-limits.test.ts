/**
 * Every limit of an agent, of a task and of all agents, approached and reached by real use in one daemon, and an archive that cannot be
 * made: raised, shown, told to hook and webhook, cleared. See test/e2e/alert-rules.test.ts for the other rules.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { type Alerted, makeAlerted } from "../helpers/alerted.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { install } from "./played.ts";
import { forks, shell } from "./support.ts";

const HOUR_MS = 3_600_000;
const ALL_PROCESSES = 60;
const ALL_MEMORY_MB = 256;
const LONG = { wall_clock_s: 7 * 86_400 };
/** Ten hours: from nine on it is near, and no step of the clock jumps over that. */
const WALL_CLOCK_S = 36_000;

/** Perl that holds so much, page by page, until it is ended. */
const holds = (mb: number): string =>
  `my @all = map { "a" x (1048576 + $_) } 1 .. ${mb}; sleep 600`;

/** A child that takes more than there is and is killed for it; who has started it goes on. */
const grabs = (mb: number): readonly string[] =>
  shell(`/usr/bin/perl -e '${holds(mb)}'; exec sleep 600`);

/** Perl that has as many files open as it may. */
const OPENS = 'while (open my $one, "<", "/dev/null") { push @all, $one } sleep 600';

/** Prints so many bytes, and so many more when it is told to. */
function prints(first: number, more: number, fifo: string): readonly string[] {
  const print = (bytes: number): string => `head -c ${bytes} /dev/zero | tr '\\0' a`;
  return shell(`${print(first)}; read -r go <"${fifo}"; ${print(more)}; exec sleep 600`);
}

const line = (message: object): string => `${JSON.stringify(message)}\n`;
const spent = (id: string, tokens: number): string =>
  line({
    type: "assistant",
    message: {
      id,
      role: "assistant",
      content: [{ type: "text", text: "On." }],
      usage: { input_tokens: tokens, output_tokens: 0 },
    },
  });
const costs = (usd: number): string =>
  line({
    type: "result",
    subtype: "success",
    is_error: false,
    result: "Done.",
    total_cost_usd: usd,
    usage: { input_tokens: 1, output_tokens: 1 },
  });

/** What a test makes of one daemon. */
function actors({ fault }: Alerted) {
  const place = (name: string): string => join(fault.world.folder, name);
  const task = async (limits: object): Promise<string> => {
    const input = { description: "A task with limits.", client_cwd: fault.project, limits };
    const made = await fault.api<{ task_id: string }>("/api/tools/create_real_task", input);
    return made.task_id;
  };
  return {
    task,
    fifo(name: string): string {
      execFileSync("mkfifo", [place(name)]);
      return place(name);
    },
    /** A CLI that says this, and the other when it is told to. */
    says: (name: string, first: string, fifo: string, more: object) => {
      const begun = line({ type: "system", subtype: "init", session_id: name, model: "m" });
      writeFileSync(place(name), begun + first);
      const NEXT = `read -r said <"${fifo}"; echo "$said"`;
      return fault.deploy([], {
        harness: "claude",
        command: undefined,
        env: { PLAY: place(name), NEXT },
        ...more,
      });
    },
    close: (task_id: string) =>
      fault.api("/api/tools/close_task", { task_id, outcome: "completed", reason: "Seen." }),
  };
}

test(
  "every limit is told when it is near and when it is reached, and so is an archive that cannot be made",
  { timeout: 400_000 },
  async () => {
    await using alerted = await makeAlerted((world) => ({
      PATH: install(world, "claude"),
      CORRAL_DISK_LOOK_MS: "300",
      CORRAL_RESULT_GRACE_MS: "0",
      CORRAL_ARCHIVE_AFTER_MS: String(HOUR_MS),
      CORRAL_LIMIT_ALL_PROCESSES: String(ALL_PROCESSES),
      CORRAL_LIMIT_ALL_MEMORY_MB: String(ALL_MEMORY_MB),
    }));
    const { cleared, expectShown, fault, kill, raised, setOn } = alerted;
    const { close, fifo, says, task } = actors(alerted);
    const [more, full, spends, dear] = ["more", "full", "spends", "dear"].map(fifo) as [
      string,
      string,
      string,
      string,
    ];

    // Near: what its limits allow an agent, and a task all of its own.
    const few = await fault.deploy(forks(8), { limits: { ...LONG, processes: 10 } });
    const hasGroups = few.containment.includes("+");
    const heavy = await fault.deploy(["/usr/bin/perl", "-e", holds(57)], {
      limits: { ...LONG, memory_mb: 64 },
    });
    // Said in the answer where no control group holds its memory: then its processes are, each for itself.
    const hasMemory = hasGroups && !JSON.stringify(heavy).includes("RLIMIT_DATA");
    const opener = await fault.deploy(["/usr/bin/perl", "-e", OPENS], {
      limits: { ...LONG, open_files: 64 },
    });
    const talker = await fault.deploy(prints(1_000_000, 200_000, more), {
      limits: { ...LONG, output_mb: 1 },
    });
    const diskTask = await task({ disk_mb: 2 });
    const writer = await fault.deploy(prints(1_940_000, 400_000, full), {
      task_id: diskTask,
      limits: { ...LONG, disk_mb: 2 },
    });
    const tokenTask = await task({ total: 1, tokens: 200 });
    const spender = await says("spender", spent("m1", 190), spends, {
      task_id: tokenTask,
      limits: { ...LONG, tokens: 200 },
    });
    const costTask = await task({ cost_usd: 1 });
    const payer = await says("payer", costs(0.95), dear, {
      task_id: costTask,
      limits: { ...LONG, cost_usd: 1 },
    });
    const near = [
      ...(hasGroups ? [`limit_near processes ${few.agent_id}`] : []),
      ...(hasMemory ? [`limit_near memory ${heavy.agent_id}`] : []),
      `limit_near open_files ${opener.agent_id}`,
      `limit_reached open_files ${opener.agent_id}`,
      `limit_near output ${talker.agent_id}`,
      `limit_near disk ${writer.agent_id}`,
      `limit_near disk ${diskTask}`,
      `limit_near tokens ${spender.agent_id}`,
      `limit_near tokens ${tokenTask}`,
      `limit_near total ${tokenTask}`,
      `limit_reached total ${tokenTask}`,
      `limit_near cost ${payer.agent_id}`,
      `limit_near cost ${costTask}`,
    ];
    await raised(near);
    await expectShown(near);

    // Reached: who has no result yet is stopped for it, and that is told of him and of his task.
    writeFileSync(more, "go\n");
    writeFileSync(full, "go\n");
    writeFileSync(spends, spent("m2", 20));
    writeFileSync(dear, costs(1.05));
    const grabber = await fault.deploy(grabs(100), { limits: { ...LONG, memory_mb: 64 } });
    const reached = [
      `agent_stopped ${talker.agent_id}`,
      `agent_stopped ${writer.agent_id}`,
      `agent_stopped ${spender.agent_id}`,
      `limit_reached disk ${diskTask}`,
      `limit_reached tokens ${tokenTask}`,
      `limit_reached cost ${payer.agent_id}`,
      `limit_reached cost ${costTask}`,
      ...(hasMemory ? [`out_of_memory ${grabber.agent_id}`] : []),
    ];
    await raised(reached);
    await expectShown(reached);
    for (const agent of [few, heavy, opener, payer, grabber]) await kill(agent);
    for (const id of [tokenTask, costTask]) await close(id);

    // What somebody has laid at an archive's place is not written over.
    const kept = await fault.deploy(["/bin/sleep", "600"], { limits: LONG });
    const inTheWay = join(fault.world.paths.archiveDir, `${kept.agent_id}.tar`);
    mkdirSync(join(inTheWay, "of somebody"), { recursive: true });
    await kill(kept);
    // The others are archived, and their streams are small again: the task's disk as well.
    await setOn(HOUR_MS);
    const unarchived = [`archive_failed ${kept.agent_id}`];
    await raised(unarchived);
    await expectShown(unarchived);
    await cleared([...near, ...reached]);
    rmSync(inTheWay, { recursive: true });
    await cleared(unarchived);

    // The clock of one, and then its end.
    const late = await fault.deploy(["/bin/sleep", "600"], {
      limits: { wall_clock_s: WALL_CLOCK_S },
    });
    await setOn(WALL_CLOCK_S * 905);
    const nearClock = [`limit_near wall_clock ${late.agent_id}`];
    await raised(nearClock);
    await expectShown(nearClock);
    await setOn(WALL_CLOCK_S * 100);
    const overClock = [`agent_stopped ${late.agent_id}`];
    await raised(overClock);
    await expectShown(overClock);
    await setOn(HOUR_MS);
    await cleared([...nearClock, ...overClock]);

    // All agents together: their memory, and then every process that there may be.
    const ofAll: string[] = [];
    if (hasMemory) {
      const big = await fault.deploy(["/usr/bin/perl", "-e", holds(236)], { limits: LONG });
      const nearAll = ["limit_near all_memory daemon"];
      await raised(nearAll);
      await expectShown(nearAll);
      await kill(big);
      const victim = await fault.deploy(grabs(300), { limits: LONG });
      const outOfMemory = [`out_of_memory ${victim.agent_id}`];
      await raised(outOfMemory);
      await kill(victim);
      ofAll.push(...nearAll, ...outOfMemory);
    }
    if (hasGroups) {
      await alerted.deadAreCountedOut();
      const crowd = await fault.deploy(forks(ALL_PROCESSES - 1), { limits: LONG });
      const overAll = ["limit_reached all_processes daemon"];
      await raised(overAll);
      await expectShown(overAll);
      await kill(crowd);
      await alerted.deadAreCountedOut();
      ofAll.push(...overAll);
      await cleared(ofAll);
    }

    await waitFor("nobody of these", async () =>
      (await fault.agents()).every(({ status }) => status !== "running") ? true : undefined,
    );
    await alerted.expectTold([
      ...near,
      ...reached,
      ...unarchived,
      ...nearClock,
      ...overClock,
      ...ofAll,
    ]);
    await alerted.end();
  },
);
