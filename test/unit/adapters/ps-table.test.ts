import { expect, test } from "vitest";
import { familyOf, parsePs, type PsRow } from "../../../src/adapters/containment/ps-table.ts";

const PS = `    1     0     1     0 Ss   Sun Nov 22 09:00:00 2026 /sbin/launchd
  500     1   500   501 Ss   Sun Nov 22 10:00:01 2026 /bin/sh /x/runner.sh /s/agents/a-1 agent_a-1
  501   500   500   501 S    Sun Nov 22 10:00:02 2026 claude -p
  502   501   502   501 S    Sun Nov 22 10:00:03 2026 node server.js --flag
  503     1   503   501 Ss   Sun Nov  1 10:00:04 2026 left daemon
  504   502   502   501 Z    Sun Nov 22 10:00:05 2026 (gone)
  505     1   500   501 S    Sun Nov 22 10:00:06 2026 orphan of the group
  506     1   506   501 S    Sun Nov 22 10:00:07 2026 stranger
  507   503   507   501 S    Sun Nov 22 10:00:08 2026 child of the daemon
no row at all
`;

test("parses what ps prints", () => {
  const rows = parsePs(PS);
  expect(rows).toHaveLength(9);
  expect(rows[4]).toEqual({
    pid: 503,
    ppid: 1,
    pgid: 503,
    uid: 501,
    startTicks: Date.parse("Nov 1 2026 10:00:04") / 1_000,
    isZombie: false,
    name: "left",
    command: "left daemon",
  });
});

test.for([
  { what: "descendants and the group", known: [], pids: [501, 502, 505] },
  { what: "a daemon seen before, and its children", known: [503], pids: [501, 502, 503, 505, 507] },
])("a family is $what, never the runner", ({ known, pids }) => {
  const rows = parsePs(PS);
  const seen = new Map(known.map((pid) => [pid, startOf(rows, pid)]));
  const family = familyOf(rows, new Set([500]), seen).map(({ pid }) => pid);
  expect(family.sort((a, b) => a - b)).toEqual(pids);
});

test("a pid that was given to somebody else is no member", () => {
  const rows = parsePs(PS);
  const family = familyOf(rows, new Set(), new Map([[506, startOf(rows, 506) - 1]]));
  expect(family).toEqual([]);
});

function startOf(rows: readonly PsRow[], pid: number): number {
  return rows.find((row) => row.pid === pid)?.startTicks ?? 0;
}
