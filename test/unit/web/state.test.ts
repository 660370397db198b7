import { describe, expect, test } from "vitest";
import fc from "fast-check";
import type { OverviewAnswer } from "../../../src/contract/api.ts";
import type { CorralEvent } from "../../../src/contract/events.ts";
import { frames } from "../../../web/src/live/frames.ts";
import {
  NOTHING,
  type State,
  withAgents,
  withEvents,
  withOverview,
} from "../../../web/src/live/state.ts";
import { anAgent, HEALTH } from "../cli/fake-ports.ts";

const AT = "2026-01-01T00:00:00.000Z";
const ONE = anAgent("fixer-101010-aaaaaa");

function event(seq: number, more: Partial<CorralEvent> = {}): CorralEvent {
  return { seq, at: AT, kind: "agent.running", task_id: null, agent_id: null, facts: {}, ...more };
}

function overviewAt(seq: number): OverviewAnswer {
  const machine = {
    cores: 2,
    load: 0,
    memory_bytes: 1,
    memory_free_bytes: 1,
    disk_bytes: 1,
    disk_free_bytes: 1,
    daemon_bytes: 1,
  };
  const lists = { tasks: [], events: [], alerts: [], agents_left_out: 0 };
  return { seq, health: HEALTH, machine, agents: [ONE], ...lists };
}

const begun: State = withOverview(NOTHING, overviewAt(10));

describe("events", () => {
  test("are taken once and in order, however often the stream begins anew", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(12), fc.nat(12))), (resumes) => {
        const all = Array.from({ length: 12 }, (_, index) => event(11 + index));
        let state = begun;
        for (const [from, count] of resumes) {
          // A stream never begins behind what was taken; it may repeat any of it.
          const start = Math.min(from, state.seq - 10);
          state = withEvents(state, all.slice(start, start + count)).state;
        }
        state = withEvents(state, all).state;
        expect(state.events.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq));
      }),
    );
  });

  test("of before the overview are passed over, and change nothing", () => {
    const { state, changed } = withEvents(begun, [event(9), event(10, { agent_id: ONE.agent_id })]);
    expect(state).toBe(begun);
    expect(changed.agents.size).toBe(0);
  });

  test("say what must be asked for anew", () => {
    const given = [
      event(11, { agent_id: "a" }),
      event(12, { agent_id: "b", kind: "agent.settled" }),
      event(13, { kind: "daemon.started" }),
    ];
    const { changed } = withEvents(begun, given);
    expect([...changed.agents]).toEqual(["a", "b"]);
    expect(changed).toMatchObject({ tasks: true, health: true, all: false });
  });

  test("that are missing ask for everything", () => {
    expect(withEvents(begun, [event(12)]).changed.all).toBe(true);
    expect(withEvents(begun, [event(11)]).changed.all).toBe(false);
  });

  test("show an agent's own word at once, and of unknown agents nothing", () => {
    const facts = { status: "working", message: "half way", progress: 50 };
    const kind = "agent.progress" as const;
    const { state } = withEvents(begun, [
      event(11, { kind, agent_id: ONE.agent_id, facts }),
      event(12, { kind, agent_id: "unknown", facts }),
    ]);
    expect(state.agents.get(ONE.agent_id)?.reported).toEqual({ ...facts, at: AT });
    expect(state.agents.size).toBe(1);
    expect(begun.agents.get(ONE.agent_id)?.reported).toBeNull();
  });

  test("are kept up to a bound, alerts apart", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => event(11 + index));
    const alert = event(11, { kind: "alert" });
    const { state } = withEvents(begun, [alert, ...many.slice(1)]);
    expect(state.events.length).toBeLessThan(500);
    expect(state.events.at(-1)?.seq).toBe(1_010);
    expect(state.alerts).toEqual([alert]);
  });
});

test("an overview replaces what was known, but not the version that served the page", () => {
  const newer = { ...overviewAt(20), agents: [], health: { ...HEALTH, version: "9.9.9" } };
  const state = withOverview({ ...begun, link: "live" }, newer);
  expect(state).toMatchObject({ seq: 20, link: "live", version: HEALTH.version });
  expect(state.agents.size).toBe(0);
});

test("agents that were asked for replace those of the same name", () => {
  const ended = { ...ONE, status: "completed" as const };
  expect(withAgents(begun, [ended]).agents.get(ONE.agent_id)?.status).toBe("completed");
});

describe("frames", () => {
  const text = (one: CorralEvent) =>
    `id: ${one.seq}\nevent: ${one.kind}\ndata: ${JSON.stringify(one)}\n\n`;

  test("come out whole and once, in whatever pieces the text arrives", () => {
    const all = [event(1), event(2, { facts: { message: "ä\\n\n😀 data: id: 3" } }), event(3)];
    const stream = `retry: 1000\n\n${text(all[0]!)}: still here\n\n${text(all[1]!)}${text(all[2]!)}`;
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const read = frames();
        const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const got = places.flatMap((at, index) =>
          index === 0 ? [] : read.push(stream.slice(places[index - 1], at)),
        );
        expect(got).toEqual(all);
      }),
    );
  });
});
