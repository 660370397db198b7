import { expect, test } from "vitest";
import type { AlertView } from "../../../src/contract/alerts.ts";
import { alertLines } from "../../../src/surface/cli/alert-lines.ts";
import { corral } from "./fake-ports.ts";

const ALERT: AlertView = {
  id: 3,
  rule: "agent_silent",
  severity: "warning",
  subject: { kind: "agent", id: "fixer-1" },
  since: "2026-01-01T00:00:00.000Z",
  raised_at: "2026-01-01T00:00:20.000Z",
  cleared_at: null,
  evidence: "It has printed nothing\u001b[2J for 20 min 0 s or longer.",
  next_step: 'Look at its last output with "corral logs fixer-1".',
};

test("an alert is told with its subject, its age and the next step, and can do nothing to the terminal", () => {
  const lines = alertLines([ALERT], Date.parse(ALERT.since) + 90_000, false);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^warning fixer-1 for 1 min 30 s: It has printed nothing/);
  expect(lines.join("")).not.toContain("\u001b");
  expect(alertLines([ALERT], 0, true)[0]).toContain("\u001b[33mwarning");
});

test("corral status tells of the alerts that stand, also as JSON", async () => {
  const daemon = {
    tasks: async () => ({ tasks: [], next_cursor: null }),
    alerts: async () => ({
      standing: [ALERT],
      cleared: [],
      deliveries: { pending: 0, dropped: 0 },
    }),
  };
  const shown = await corral(["status"], daemon);
  expect(shown.out).toContain("warning fixer-1");
  const { alerts } = JSON.parse((await corral(["status", "--json"], daemon)).out);
  expect(alerts).toEqual([ALERT]);
});
