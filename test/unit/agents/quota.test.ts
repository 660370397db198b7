import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterRefusal,
  type Circuit,
  isClosedBy,
  PROBE_MOST_MS,
  quotaAdmission,
} from "../../../src/agents/quota.ts";

const MINUTE = 60_000;
const ABOUT = { key: "k", harness: "codex", credential: "c", agentId: "a" } as const;
const said = (at: number, until: number | null = null) => ({ message: "used up", at, until });
const refused = (before: Circuit | null, at: number, until: number | null = null, now = at) =>
  afterRefusal(before, ABOUT, said(at, until), now);
const opened = (at = 0, until: number | null = null): Circuit => refused(null, at, until)!;

describe("a refusal", () => {
  test("opens until the reset that was named", () => {
    expect(opened(1_000, 9 * MINUTE)).toMatchObject({
      until: 9 * MINUTE,
      isNamed: true,
      failures: 1,
      openedBy: "a",
      openedAt: 1_000,
      closedAt: null,
    });
  });
  test("without one opens for a while that grows with each try, and has an end", () => {
    let circuit = opened();
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const at = circuit.until;
      waits.push((at - circuit.openedAt) / MINUTE);
      circuit = refused({ ...circuit, probe: { agentId: "p", at } }, at + 1)!;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });
  test("of a time that is over opens nothing: a daemon reads old words again", () => {
    expect(refused(null, 0, 5 * MINUTE, 6 * MINUTE)).toBeNull();
    expect(refused(null, 0, null, 2 * MINUTE)).toBeNull();
  });
  test("of a date that no provider means is cut", () => {
    expect(opened(0, Number.MAX_SAFE_INTEGER).until).toBe(31 * 24 * 60 * MINUTE);
  });
  test("that is one more of the same changes nothing, whoever hears it", () => {
    const circuit = opened(0, 60 * MINUTE);
    expect(refused(circuit, 10)).toBe(circuit);
    expect(refused(circuit, 10, 60 * MINUTE + 30_000)).toBe(circuit);
    expect(afterRefusal(circuit, { ...ABOUT, agentId: "b" }, said(20), 20)).toBe(circuit);
  });
  test("that names a later reset moves it, and a name takes the place of a guess", () => {
    expect(refused(opened(0, 10 * MINUTE), 10, 20 * MINUTE)).toMatchObject({
      until: 20 * MINUTE,
      failures: 1,
    });
    expect(refused(opened(), 10, 30_000 + MINUTE)).toMatchObject({ isNamed: true });
  });
  test("that was said before the circuit was closed, or tried, is known", () => {
    const closed = { ...opened(0, 60 * MINUTE), closedAt: 50 };
    expect(refused(closed, 50, 60 * MINUTE, 60)).toBe(closed);
    expect(refused(closed, 51, 60 * MINUTE)).toMatchObject({ closedAt: null, failures: 1 });
    const tried = { ...opened(), probe: { agentId: "p", at: 2 * MINUTE } };
    expect(refused(tried, MINUTE, null, 2 * MINUTE)).toBe(tried);
  });
});

describe("a deploy", () => {
  test("goes freely without a circuit, and with one that is closed", () => {
    expect(quotaAdmission(null, 0)).toEqual({ go: "free" });
    expect(quotaAdmission({ ...opened(), closedAt: 1 }, 2)).toEqual({ go: "free" });
  });
  test("waits until the reset to the millisecond; the first one after it tries", () => {
    const circuit = opened(0, 10 * MINUTE);
    expect(quotaAdmission(circuit, 10 * MINUTE - 1)).toEqual({ go: "wait", until: 10 * MINUTE });
    expect(quotaAdmission(circuit, 10 * MINUTE)).toEqual({ go: "probe" });
  });
  test("waits for the one that tries, and not for ever", () => {
    const circuit = { ...opened(), probe: { agentId: "p", at: MINUTE } };
    const late = MINUTE + PROBE_MOST_MS;
    expect(quotaAdmission(circuit, late - 1)).toEqual({ go: "wait", until: late });
    expect(quotaAdmission(circuit, late)).toEqual({ go: "free" });
  });
  test("is never let through before the reset, and always soon after it", () => {
    fc.assert(
      fc.property(fc.nat(100 * MINUTE), fc.nat(100 * MINUTE), (until, now) => {
        const circuit = { ...opened(), until };
        const { go } = quotaAdmission(circuit, now);
        expect(go === "wait").toBe(now < until);
      }),
    );
  });
});

describe("an answer", () => {
  const circuit = opened(100, 10 * MINUTE);
  test("closes it for the one that opened it, and for the one that tries", () => {
    expect(isClosedBy(circuit, "a", 101)).toBe(true);
    const tried = { ...circuit, probe: { agentId: "p", at: 11 * MINUTE } };
    expect(isClosedBy(tried, "p", 11 * MINUTE + 1)).toBe(true);
  });
  test("of before, of others, or none, closes nothing", () => {
    expect(isClosedBy(circuit, "a", 100)).toBe(false);
    expect(isClosedBy(circuit, "b", 200)).toBe(false);
    expect(isClosedBy(circuit, "a", null)).toBe(false);
    expect(isClosedBy({ ...circuit, closedAt: 1 }, "a", 200)).toBe(false);
  });
});
