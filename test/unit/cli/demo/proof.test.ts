import { expect, test } from "vitest";
import { isNothingLeft, proofRows, proofTable } from "../../../../src/surface/cli/demo/proof.ts";
import type { LookFor, Seen } from "../../../../src/surface/cli/demo/look.ts";

const TARGET: LookFor = {
  root: "/tmp/corral-demo-x",
  mark: 790_001,
  cgroups: ["/sys/fs/cgroup/corral-x"],
  sockets: ["/tmp/corral-demo-x/tmux.sock"],
};
const NOTHING: Seen = { marked: [], named: [], files: [], cgroups: [], sockets: [] };
const RUNNING: Seen = { ...NOTHING, marked: [4, 5, 6], named: [4], sockets: TARGET.sockets };

test("every count says how it was looked at, and what was seen while the agents ran", () => {
  const rows = proofRows(TARGET, RUNNING, NOTHING);
  expect(rows.map(({ what, before, left }) => [what, before, left])).toEqual([
    ["processes with the mark", 3, 0],
    ["processes that name the folder", 1, 0],
    ["open files below the folder", 0, 0],
    ["sockets", 1, 0],
    ["cgroup directories", 0, 0],
  ]);
  expect(rows[0]?.how).toContain("790001");
  expect(rows.every(({ how }) => how !== "")).toBe(true);
  expect(isNothingLeft(rows)).toBe(true);
});

test("what is left is named and spoils the proof", () => {
  const rows = proofRows(TARGET, RUNNING, { ...NOTHING, marked: [5] });
  expect(isNothingLeft(rows)).toBe(false);
  expect(proofTable(rows, { colour: false, columns: 200 }).at(-1)).toBe(
    "left: processes with the mark: 5",
  );
});

test("what cannot be looked at has no row, instead of a zero", () => {
  const rows = proofRows({ ...TARGET, mark: null, cgroups: [] }, null, NOTHING);
  expect(rows.map(({ what }) => what)).toEqual([
    "processes that name the folder",
    "open files below the folder",
    "sockets",
  ]);
  expect(rows.every(({ before }) => before === null)).toBe(true);
});
