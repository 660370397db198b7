import fc from "fast-check";
import { expect, test } from "vitest";
import { Fault } from "../../../src/kernel/fault.ts";
import { admit } from "../../../src/tasks/task.ts";

const LIMITS = { running: 20, total: 45, depth: 5 };

test.for([
  ["the last place of each", { running: 19, total: 44, disk: 0 }, 5],
  ["the first", { running: 0, total: 0, disk: 0 }, 1],
] as const)("%s is given", ([, use, depth]) => {
  expect(() => admit(LIMITS, use, depth)).not.toThrow();
});

test.for([
  ["running", { running: 20, total: 30, disk: 0 }, 1, 20, 20],
  ["total", { running: 0, total: 45, disk: 0 }, 1, 45, 45],
  ["depth", { running: 0, total: 0, disk: 0 }, 6, 5, 5],
] as const)(
  "%s is refused, with its use, its limit and its setting",
  ([limit, use, depth, used, allowed]) => {
    const refused = () => admit(LIMITS, use, depth);
    expect(refused).toThrow(Fault);
    try {
      refused();
    } catch (error) {
      const { code, details, hint, message } = error as Fault;
      expect(code).toBe("LIMIT_REACHED");
      expect(details).toEqual({ limit, used, allowed, setting: `limit_${limit}` });
      expect(message).toContain(`${used} of ${allowed}`);
      expect(hint).not.toBe("");
    }
  },
);

test("it is refused exactly when a limit would be exceeded", () => {
  const small = fc.nat(8);
  fc.assert(
    fc.property(
      fc.record({ running: small, total: small, depth: small }),
      fc.record({ running: small, total: small }),
      fc.integer({ min: 1, max: 9 }),
      (limits, use, depth) => {
        const fits =
          use.running + 1 <= limits.running &&
          use.total + 1 <= limits.total &&
          depth <= limits.depth;
        let isAdmitted = true;
        try {
          admit(limits, { ...use, disk: 0 }, depth);
        } catch {
          isAdmitted = false;
        }
        expect(isAdmitted).toBe(fits);
      },
    ),
  );
});

test.for([
  ["below its cap", { ...LIMITS, disk: 100 }, 99],
  ["with no cap", { ...LIMITS, disk: null }, 100],
  ["of a version without caps", LIMITS, 100],
] as const)("a task %s gets an agent", ([, limits, disk]) => {
  expect(() => admit(limits, { running: 0, total: 0, disk }, 1)).not.toThrow();
});

test("a task whose files reached its cap gets none, and is told the cap and the setting", () => {
  const use = { running: 0, total: 0, disk: 100 };
  expect(() => admit({ ...LIMITS, disk: 100 }, use, 1)).toThrow(
    expect.objectContaining({
      code: "LIMIT_REACHED",
      details: { limit: "disk", used: 100, allowed: 100, setting: "limit_task_disk_mb" },
    }),
  );
});
