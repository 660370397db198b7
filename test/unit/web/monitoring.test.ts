import { describe, expect, test } from "vitest";
import type { AlertView } from "../../../src/contract/alerts.ts";
import { inUrgency, placeOfAlert } from "../../../web/src/live/alerts.ts";
import { curveOf } from "../../../web/src/live/chart.ts";
import { said } from "../../../web/src/live/events-text.ts";

const alert = (id: number, over: Partial<AlertView> = {}): AlertView => ({
  id,
  rule: "limit_near",
  severity: "warning",
  subject: { kind: "agent", id: "a/1" },
  since: `2026-01-01T00:00:0${id}.000Z`,
  raised_at: "2026-01-01T00:00:30.000Z",
  cleared_at: null,
  evidence: "90 % of its memory",
  next_step: "Look.",
  ...over,
});

describe("alerts", () => {
  test("the critical first, then the newest", () => {
    const alerts = [alert(1), alert(2, { severity: "critical" }), alert(3)];
    expect(inUrgency(alerts).map(({ id }) => id)).toEqual([2, 3, 1]);
  });

  test("lead to the page of what they are about, where there is one", () => {
    expect(placeOfAlert(alert(1))).toBe("/agents/a%2F1");
    expect(placeOfAlert(alert(1, { subject: { kind: "task", id: "T-1" } }))).toBe("/tasks/T-1");
    expect(placeOfAlert(alert(1, { subject: { kind: "disk", id: "/" } }))).toBeNull();
  });

  test("an end of one is good news", () => {
    const event = { seq: 1, at: "", kind: "alert", task_id: null, agent_id: null } as const;
    const facts = { alert: "disk_floor", message: "2 GiB free", next_step: "Delete." };
    expect(said({ ...event, facts: { ...facts, state: "raised" } })).toEqual({
      text: "2 GiB free. Delete.",
      tone: "bad",
    });
    const { next_step: _, ...cleared } = facts;
    expect(said({ ...event, facts: { ...cleared, state: "cleared" } })).toEqual({
      text: "No longer so: 2 GiB free",
      tone: "good",
    });
  });
});

describe("a chart", () => {
  test("goes from the first time to the last, the highest at the top", () => {
    expect(curveOf([0, 10, 20], [0, 50, 100], 10)).toEqual({
      lines: ["0,100 50,50 100,0"],
      most: 100,
      last: 100,
    });
  });

  test("passes over what is not known, and breaks where nobody looked", () => {
    expect(curveOf([0, 10, 20, 100], [1, null, 1, 1], 10).lines).toEqual([
      "0,0 20,0",
      "100,0 100,0",
    ]);
  });

  test("of nothing is nothing; of zeros a line at the bottom", () => {
    expect(curveOf([], [], 10)).toEqual({ lines: [], most: 0, last: null });
    expect(curveOf([0, 10], [null, null], 10).last).toBeNull();
    expect(curveOf([0, 10], [0, 0], 10).lines).toEqual(["0,100 100,100"]);
  });
});
