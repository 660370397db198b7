/**
 * Every rule against its real cause in one daemon: raised, shown on each surface, told to hook and webhook, cleared.
 * Only the daemon's clock is the test's: what must hold for half a minute has held when it is set on.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "vitest";
import { makeAlerted } from "../helpers/alerted.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { makeStrays } from "../helpers/fault-scenarios.ts";
import type { FaultWorld } from "../helpers/fault-world.ts";
import { processes } from "../helpers/os-look.ts";
import { install } from "./played.ts";
import { forks, sleepTag } from "./support.ts";

const STRAY_MS = 31 * 60_000;
const ALL_PROCESSES = 100;
/** What the daemon may have open, and clients that take most of it: what it needs itself still fits. */
const FILES = 240;
const CLIENTS = 180;

/** Clients that come and say nothing, until the daemon has four fifths of its files open and more. @returns how they go. */
async function connectMany({ world }: FaultWorld): Promise<() => void> {
  const sockets = Array.from({ length: CLIENTS }, () => connect(world.paths.socket));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

test(
  "every rule fires and clears by its real cause, on every surface, to hook and webhook once each",
  { timeout: 240_000 },
  async () => {
    await using alerted = await makeAlerted((world) => ({
      PATH: install(world, "claude"),
      CORRAL_ALERT_SILENT_MS: "1000",
      CORRAL_SWEEP_MS: "1000",
      CORRAL_NO_ANSWER_MS: "0",
      CORRAL_STOP_RATE_LIMITED_MS: "0",
      CORRAL_LIMIT_ALL_PROCESSES: String(ALL_PROCESSES),
    }));
    const { daemon, expectShown, fault, kill } = alerted;
    execFileSync("prlimit", [`--pid=${daemon.pid}`, `--nofile=${FILES}:`]);
    const long = { wall_clock_s: 7 * 86_400 };

    // All agents together: an agent that takes nearly all that there is, and then its end.
    const crowd = await fault.deploy(forks(ALL_PROCESSES - 8), { limits: long });
    const hasGroups = crowd.containment.includes("+");
    const ofAll = hasGroups ? ["limit_near all_processes daemon"] : [];
    await alerted.raised(ofAll);
    await expectShown(ofAll);
    await kill(crowd);
    await alerted.cleared(ofAll);
    await alerted.deadAreCountedOut();

    // One agent, its task, its CLI, its processes, what nobody holds, and the daemon itself.
    const task = await fault.api<{ task_id: string }>("/api/tools/create_real_task", {
      description: "A task with room for one.",
      client_cwd: fault.project,
      limits: { running: 1 },
    });
    const full = await fault.deploy(forks(7), {
      task_id: task.task_id,
      limits: { ...long, processes: 8 },
    });
    const fifo = (name: string): string => join(fault.world.folder, name);
    for (const name of ["answer", "speak"]) execFileSync("mkfifo", [fifo(name)]);
    const stream = join(fault.world.folder, "refused.jsonl");
    const line = (message: object): string => `${JSON.stringify(message)}\n`;
    const limit = { status: "rejected", resetsAt: Math.ceil(Date.now() / 1_000) + 86_400 };
    writeFileSync(
      stream,
      line({ type: "system", subtype: "init", session_id: "s", model: "m" }) +
        line({ type: "rate_limit_event", rate_limit_info: limit }),
    );
    const played = (name: string, PLAY: string) =>
      fault.deploy([], {
        harness: "claude",
        command: undefined,
        limits: long,
        env: {
          PLAY,
          NEXT: `read -r said <"${fifo(name)}"; while echo "$said"; do sleep 0.2; done`,
        },
      });
    const silent = await played("speak", "");
    const refused = await played("answer", stream);
    const tag = sleepTag();
    const escaping = await fault.deploy(["/bin/sleep", tag], { limits: long });
    await makeStrays(fault);
    const { pid } = await waitFor("the sleeper", () =>
      processes().find(({ argv, name }) => name === "sleep" && argv.includes(tag)),
    );
    if (hasGroups) execFileSync("prlimit", [`--pid=${pid}`, "--msgqueue=1000:"]);
    const close = await connectMany(fault);
    const ofMany = [
      ...(hasGroups ? [`limit_reached processes ${full.agent_id}`] : []),
      ...(hasGroups ? [`witness_mismatch ${escaping.agent_id}`] : []),
      `limit_reached running ${task.task_id}`,
      `agent_silent ${silent.agent_id}`,
      `agent_trouble ${refused.agent_id}`,
      "quota_circuit daemon",
      "stray_found daemon",
      "daemon_files daemon",
    ];
    await alerted.raised(ofMany);
    await expectShown(ofMany);
    close();
    const says = { type: "assistant", message: { content: [{ type: "text", text: "On." }] } };
    for (const name of ["answer", "speak"]) writeFileSync(fifo(name), line(says));
    // The first two go on speaking, until they are ended like the others.
    const ofClis = ofMany.filter((name) => /^(?:agent_|quota_)/.test(name));
    await alerted.cleared(ofClis);
    for (const agent of [full, escaping, silent, refused]) await kill(agent);
    await alerted.setOn(STRAY_MS);
    await alerted.cleared(ofMany);

    // What cannot be given back, until it can.
    await daemon.arm({ point: "files.remove", when: "before", nth: 1, act: "throw", times: 1e6 });
    const held = (await fault.deploy(["/bin/true"])).agent_id;
    const ofHeld = [`cleanup_stuck ${held}`];
    await alerted.raised(ofHeld);
    await expectShown(ofHeld);
    await daemon.arm(null);
    await alerted.cleared(ofHeld);

    await alerted.expectTold([...ofAll, ...ofMany, ...ofHeld]);
    await alerted.end();
  },
);
