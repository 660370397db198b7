/**
 * Every rule against its real cause in one daemon: raised, shown on each surface, told to hook and webhook, cleared.
 * Only the daemon's clock is the test's: what must hold for half a minute has held when it is set on.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { type AlertNotice, AlertsAnswer, type AlertView } from "../../src/contract/alerts.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { identityOf } from "../helpers/fault-reckoning.ts";
import { makeStrays } from "../helpers/fault-scenarios.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { noticesIn, takeNotices } from "../helpers/notices.ts";
import { corralCgroups, processes } from "../helpers/os-look.ts";
import { callTool } from "../helpers/world.ts";
import { install } from "./played.ts";
import { eventSeen, sleepTag } from "./support.ts";

/** Longer than what raises and what clears, and shorter than what ends a stray's alert. */
const STEP_MS = 61_000;
const STRAY_MS = 31 * 60_000;
const ALL_PROCESSES = 100;
/** More than one hook has at a time. */
const HOOK_TASKS = 8;
/** What the daemon may have open, and clients that take most of it: what it needs itself still fits. */
const FILES = 240;
const CLIENTS = 180;

/** `rule subject`, and what a limit is of. */
function nameOf({ evidence, rule, subject }: AlertView): string {
  const limit = rule.startsWith("limit_") ? `${evidence.split(" ")[0]} ` : "";
  return `${rule} ${limit}${subject.id}`;
}

const alertsIn = async (fault: FaultWorld): Promise<AlertsAnswer> =>
  AlertsAnswer.parse(await fault.api("/api/alerts"));

/** Sets the daemon's clock on, step by step, until that is so. */
function clockOf(fault: FaultWorld, daemon: FaultDaemon) {
  let ahead = 0;
  const setOn = async (ms: number): Promise<void> => {
    ahead += ms;
    await daemon.setAhead(ahead);
  };
  const until = async (what: string, isSo: (answer: AlertsAnswer) => boolean): Promise<void> => {
    const deadline = Date.now() + 90_000;
    // On a busy machine the looks come late, and a clock that runs away from them would end what it should raise.
    for (let pauseMs = 600; ; pauseMs = Math.min(pauseMs * 1.3, 5_000)) {
      // Somebody looks on, and an agent ends: samples are fresh, and the alerts are looked at soon.
      await fault.api("/api/samples");
      await fault.deploy(["/bin/true"]);
      await sleep(pauseMs);
      const answer = await alertsIn(fault);
      if (isSo(answer)) return;
      if (Date.now() > deadline) throw new Error(`${what}: ${JSON.stringify(answer)}`);
      await setOn(STEP_MS);
    }
  };
  return {
    setOn,
    raised: (names: readonly string[]) =>
      until(`not raised of ${names.join(", ")}`, ({ standing }) => {
        const seen = new Set(standing.map(nameOf));
        return names.every((name) => seen.has(name));
      }),
    cleared: (names: readonly string[]) =>
      until(`not cleared of ${names.join(", ")}`, ({ standing }) =>
        standing.map(nameOf).every((name) => !names.includes(name)),
      ),
  };
}

/** A program with so many children; a place that is taken for a moment is waited for. */
function forks(count: number): readonly string[] {
  const program = `for (1 .. ${count}) {
    my $pid; select undef, undef, undef, 0.01 until defined($pid = fork);
    exec "/bin/sleep", "600" if !$pid;
  } sleep 600`;
  return ["/usr/bin/perl", "-e", program];
}

/** Rules of which the report tells in words of its own, by its own look. */
const OWN_WORDS = new Set(["limit_near", "limit_reached", "cleanup_stuck"]);

async function expectShown(fault: FaultWorld, names: readonly string[]): Promise<void> {
  const { world } = fault;
  const { standing } = await alertsIn(fault);
  const status = await world.corral(["status"]);
  const client = await world.mcp();
  for (const alert of standing.filter((one) => names.includes(nameOf(one)))) {
    expect(status.stdout, nameOf(alert)).toContain(alert.evidence);
    const { id, kind } = alert.subject;
    const scope = kind === "daemon" ? {} : { scope: kind, id };
    const report = await callTool(client, "get_resource_report", scope);
    const isOwn = kind !== "daemon" && OWN_WORDS.has(alert.rule);
    const words = expect.stringContaining(isOwn ? "" : alert.evidence);
    expect(report.alerts, nameOf(alert)).toContainEqual(words);
  }
}

/** The kernel counts the dead against a limit for up to a second after it has stopped to show them. */
async function deadAreCountedOut({ world }: FaultWorld): Promise<void> {
  const { name } = identityOf(world);
  const files = corralCgroups()
    .filter((path) => path.endsWith(`corral-${name}`))
    .map((path) => join(path, "pids.current"))
    .filter(existsSync);
  await waitFor("the dead to be counted out", () =>
    files.every((file) => Number(readFileSync(file, "latin1")) < HOOK_TASKS) ? true : undefined,
  );
}

/** Clients that come and say nothing, until the daemon has four fifths of its files open and more. @returns how they go. */
async function connectMany({ world }: FaultWorld): Promise<() => void> {
  const sockets = Array.from({ length: CLIENTS }, () => connect(world.paths.socket));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

const agentNamed = (agent: AgentView) => agent.agent_id;

test(
  "every rule fires and clears by its real cause, on every surface, to hook and webhook once each",
  { timeout: 240_000 },
  async () => {
    const { notices, url } = await takeNotices();
    let kept = "";
    await using fault = await makeFaultWorld((world) => {
      kept = join(world.folder, "notices");
      return {
        PATH: install(world, "claude"),
        CORRAL_ALERT_HOOK: JSON.stringify(["/bin/sh", "-c", 'cat >>"$0"', kept]),
        CORRAL_ALERT_WEBHOOK: url,
        CORRAL_ALERT_SILENT_MS: "1000",
        CORRAL_SWEEP_MS: "1000",
        CORRAL_NO_ANSWER_MS: "0",
        CORRAL_STOP_RATE_LIMITED_MS: "0",
        CORRAL_LIMIT_ALL_PROCESSES: String(ALL_PROCESSES),
      };
    });
    const daemon = await fault.start();
    execFileSync("prlimit", [`--pid=${daemon.pid}`, `--nofile=${FILES}:`]);
    const clock = clockOf(fault, daemon);
    const long = { wall_clock_s: 7 * 86_400 };
    const kill = async ({ agent_id, task_id }: AgentView): Promise<void> => {
      const input = { task_id, agent_id, reason: "Its alert was seen.", grace_s: 0 };
      await fault.api("/api/tools/kill_real_agent", input);
    };

    // All agents together: an agent that takes nearly all that there is, and then its end.
    const crowd = await fault.deploy(forks(ALL_PROCESSES - 8), { limits: long });
    const hasGroups = crowd.containment.includes("+");
    const ofAll = hasGroups ? ["limit_near all_processes daemon"] : [];
    await clock.raised(ofAll);
    await expectShown(fault, ofAll);
    await kill(crowd);
    await clock.cleared(ofAll);
    await deadAreCountedOut(fault);

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
    await clock.raised(ofMany);
    await expectShown(fault, ofMany);
    close();
    const says = { type: "assistant", message: { content: [{ type: "text", text: "On." }] } };
    for (const name of ["answer", "speak"]) writeFileSync(fifo(name), line(says));
    // The first two go on speaking, until they are ended like the others.
    const ofClis = ofMany.filter((name) => /^(?:agent_|quota_)/.test(name));
    await clock.cleared(ofClis);
    for (const agent of [full, escaping, silent, refused]) await kill(agent);
    await clock.setOn(STRAY_MS);
    await clock.cleared(ofMany);

    // What cannot be given back, until it can.
    await daemon.arm({ point: "files.remove", when: "before", nth: 1, act: "throw", times: 1e6 });
    const held = agentNamed(await fault.deploy(["/bin/true"]));
    const ofHeld = [`cleanup_stuck ${held}`];
    await clock.raised(ofHeld);
    await expectShown(fault, ofHeld);
    await daemon.arm(null);
    await clock.cleared(ofHeld);

    const names = [...ofAll, ...ofMany, ...ofHeld];
    await waitFor(
      "all to be told",
      async () => (await alertsIn(fault)).deliveries.pending === 0 || undefined,
      60_000,
    );
    for (const told of [notices, noticesIn(kept)]) {
      const states = (name: string) =>
        told.filter(
          ({ alert }) => nameOf({ ...alert, evidence: raisedWords(told, alert.id) }) === name,
        );
      for (const name of names) {
        expect(
          states(name).map(({ state }) => state),
          name,
        ).toEqual(["raised", "cleared"]);
      }
      expect(new Set(told.map(({ delivery }) => delivery)).size).toBe(told.length);
    }
    for (const rule of new Set(notices.map(({ alert }) => alert.rule))) {
      await eventSeen(
        fault.world,
        ({ facts, kind }) =>
          (kind === "alert" && facts["alert"] === rule) || kind === EVENT_OF[rule],
      );
    }
    await fault.api("/api/leave", { mode: "end" });
    await daemon.end;
  },
);

/** Rules whose event is another one; docs/monitoring.md. */
const EVENT_OF: Readonly<Record<string, string>> = { stray_found: "stray.released" };

/** A cleared alert's evidence is another one than what it was raised with. */
function raisedWords(told: readonly AlertNotice[], id: number): string {
  return (
    told.find(({ alert, state }) => alert.id === id && state === "raised")?.alert.evidence ?? ""
  );
}
