import { describe, expect, test } from "vitest";
import type { WorldProcess } from "../../../src/supervision/ports.ts";
import { suspectsOf } from "../../../src/supervision/witness-alerts.ts";

const AGENTS = [
  { id: "one", slot: 1 },
  { id: "two", slot: 2 },
];
const seen = (slot: number | null, heldBy: string | null): WorldProcess => ({
  pid: 7,
  startTicks: 1,
  ppid: 1,
  name: "x",
  sessionId: 7,
  cgroupAgentId: heldBy,
  slot,
  heldBy,
});

describe("suspects", () => {
  test.for([
    ["its mark and its group agree", seen(1, "one"), []],
    ["it left its group", seen(1, null), ["one"]],
    ["it changed its mark", seen(98.5, "one"), ["one"]],
    ["it took the infrastructure's mark", seen(null, "one"), ["one"]],
    ["it took another's mark", seen(2, "one"), ["two", "one"]],
    ["it is the infrastructure's", seen(null, null), []],
    ["it is nobody's that is watched", seen(5, "gone"), []],
  ] as const)("%s", ([, process, suspects]) => {
    expect(suspectsOf([process], AGENTS)).toEqual(suspects);
  });

  test("are named once, however many of their processes are at odds", () => {
    expect(suspectsOf([seen(1, null), seen(1, null)], AGENTS)).toEqual(["one"]);
  });
});
