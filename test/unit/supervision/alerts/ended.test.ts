/** Who is told of because he was stopped, and for how long; whose task is looked at once more. */
import { expect, test } from "vitest";
import type { AgentRecord } from "../../../../src/agents/record.ts";
import { endedLately } from "../../../../src/supervision/alerts/ended.ts";
import type { StoppedAgent, StoredAlert } from "../../../../src/supervision/alerts/ports.ts";
import type { Setting } from "../../../../src/supervision/setting.ts";

const HALF_HOUR_MS = 1_800_000;

const stopped = (cause: string, reason = "Its output was too long.") =>
  ({ status: "killed", stop: { cause, reason }, reason: null }) as unknown as AgentRecord;

function stage(
  agents: Readonly<Record<string, AgentRecord>>,
  before: readonly StoppedAgent[] = [],
) {
  const clock = { at: 10 * HALF_HOUR_MS, now: () => clock.at };
  const store = {
    agent: (id: string) => (id in agents ? { ...agents[id], id, taskId: `task of ${id}` } : null),
    stoppedSince: () => before,
    tasksOfEnded: () => ["task of before"],
  };
  const ended = endedLately({ clock, store } as unknown as Setting);
  return { clock, ended, told: () => ended.conditions().map(({ key }) => key) };
}

test("one that Corral stopped by itself is told for half an hour, with the reason", () => {
  const { clock, ended, told } = stage({ a: stopped("limit") });
  ended.settled("a");
  expect(ended.conditions()).toMatchObject([
    {
      key: "agent_stopped:a",
      severity: "critical",
      holds: "yes",
      evidence: "It was stopped before its result. Its output was too long.",
    },
  ]);
  clock.at += HALF_HOUR_MS - 1;
  expect(told()).toEqual(["agent_stopped:a"]);
  clock.at += 1;
  expect(told()).toEqual([]);
});

test("limits, budgets, the clock, idleness and troubles count; what somebody asked for, and a normal end, do not", () => {
  const own = ["limit", "budget", "timeout", "idle", "auth_failed", "rate_limited", "overloaded"];
  const asked = ["kill", "claimed", "shutdown", "closed", "launch_failed", "finished"];
  const normal = { status: "completed", stop: null, reason: "completed" } as AgentRecord;
  const late = { status: "timed_out", stop: null, reason: "It ran out.\nstderr" } as AgentRecord;
  const all = Object.fromEntries([...own, ...asked].map((cause) => [cause, stopped(cause)]));
  const { ended, told } = stage({ ...all, normal, late });
  for (const id of [...own, ...asked, "normal", "late", "unknown"]) ended.settled(id);
  expect(told()).toEqual([...own, "late"].map((id) => `agent_stopped:${id}`));
  expect(ended.conditions().at(-1)?.evidence).toMatch(/It ran out\.$/);
});

test("a daemon that begins knows what the one before it has seen, and lets it stand for the rest of its time", () => {
  const before = [{ id: "b", why: "Its clock ran out." }];
  const { clock, ended, told } = stage({ a: stopped("budget") }, before);
  const raisedAt = clock.at - HALF_HOUR_MS + 1_000;
  const alert = { rule: "agent_stopped", subject: { kind: "agent", id: "a" }, raisedAt };
  ended.begin([alert as StoredAlert]);
  expect(told()).toEqual(["agent_stopped:b", "agent_stopped:a"]);
  clock.at += 1_000;
  expect(told()).toEqual(["agent_stopped:b"]);
});

test("of more than a hundred the latest are told", () => {
  const ids = Array.from({ length: 103 }, (_, nth) => `a${nth}`);
  const { ended, told } = stage(Object.fromEntries(ids.map((id) => [id, stopped("limit")])));
  for (const id of ids) ended.settled(id);
  expect(told()).toEqual(ids.slice(3).map((id) => `agent_stopped:${id}`));
});

test("a task of which an agent has ended is looked at for two minutes more", () => {
  const { clock, ended } = stage({ a: stopped("kill") });
  ended.begin([]);
  ended.settled("a");
  expect(ended.tasks()).toEqual(["task of before", "task of a"]);
  clock.at += 120_000;
  expect(ended.tasks()).toEqual([]);
});
