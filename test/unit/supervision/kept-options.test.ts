import { describe, expect, test } from "vitest";
import type { DeployRequest } from "../../../src/supervision/plan-run.ts";
import { keptOptions, resumedOptions } from "../../../src/supervision/kept-options.ts";
import { Fault } from "../../../src/kernel/fault.ts";

const hasSecret = (value: unknown): boolean => JSON.stringify(value).includes("hunter2");

const GIVEN: DeployRequest["options"] = {
  isolation: "none",
  permission_mode: "plan",
  harness: "codex",
  model: "m1",
  effort: "high",
  cwd: "/work",
  env: { PLAIN: "yes", KEY: "hunter2", HUNTER: "hunter2-too" },
  mcp_servers: {
    open: { command: "open-mcp", args: [] },
    closed: { url: "https://x.example", headers: { Authorization: "Bearer hunter2" } },
  },
  limits: { wall_clock_s: 60, processes: 64 },
  on_daemon_gone: { stop_after_s: 9 },
};
const RECORD = { harness: "codex", cwd: "/real/work", permission_mode: "plan" } as const;

function faultOf(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("what is kept", () => {
  test("is everything without a secret, by name; the folder is the record's", () => {
    const kept = keptOptions(GIVEN, hasSecret);
    expect(kept).toEqual({
      given: {
        isolation: "none",
        permission_mode: "plan",
        harness: "codex",
        model: "m1",
        effort: "high",
        env: { PLAIN: "yes" },
        mcp_servers: { open: { command: "open-mcp", args: [] } },
        limits: { wall_clock_s: 60, processes: 64 },
        on_daemon_gone: { stop_after_s: 9 },
      },
      withheld: ["env.KEY", "env.HUNTER", "mcp_servers.closed"],
    });
    expect(JSON.stringify(kept)).not.toContain("hunter2");
  });

  test("no argv of a program, and no preamble with a secret", () => {
    const options = { ...GIVEN, command: ["run", "hunter2"], preamble: "Say hunter2." };
    const kept = keptOptions(options, hasSecret);
    expect(JSON.stringify(kept)).not.toContain("hunter2");
    expect(kept.withheld).toContain("preamble");
  });

  test("what is very large is left out by name, and not cut", () => {
    const env = Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`BIG${n}`, "x".repeat(10_000)]),
    );
    const kept = keptOptions({ ...GIVEN, env }, () => false);
    expect(JSON.stringify(kept).length).toBeLessThan(1_000);
    expect(kept.given).toMatchObject({ model: "m1", limits: { processes: 64 } });
    expect(kept.withheld).toContain("env.BIG9");
  });
});

describe("a resume", () => {
  const whole = keptOptions(GIVEN, () => false);
  const kept = keptOptions(GIVEN, hasSecret);

  test("has the options of before, in the folder of the record", () => {
    expect(resumedOptions(whole, RECORD, {})).toEqual({ ...GIVEN, cwd: "/real/work" });
  });

  test("lays what it changes over them", () => {
    const changed = resumedOptions(whole, RECORD, {
      model: "m2",
      permission_mode: "skip",
      env: { PLAIN: "no" },
      limits: { processes: 99 },
      mcp_servers: {},
    });
    expect(changed).toMatchObject({
      model: "m2",
      effort: "high",
      permission_mode: "skip",
      env: { PLAIN: "no", KEY: "hunter2" },
      limits: { wall_clock_s: 60, processes: 99 },
      mcp_servers: {},
    });
  });

  test("asks for each secret by name, and takes an empty one for an answer", () => {
    const fault = faultOf(() => resumedOptions(kept, RECORD, { env: { KEY: "hunter2" } }));
    expect(fault.code).toBe("INPUT_INVALID");
    expect(fault.message).toContain("env.HUNTER, mcp_servers.closed");
    expect(fault.message).not.toContain("env.KEY");
    const env = { KEY: "hunter2", HUNTER: "" };
    expect(resumedOptions(kept, RECORD, { env, mcp_servers: {} })).toMatchObject({
      env: { PLAIN: "yes", KEY: "hunter2", HUNTER: "" },
      mcp_servers: {},
    });
  });

  test("of an agent of before has what its record says", () => {
    expect(resumedOptions(null, RECORD, {})).toEqual({ isolation: "none", ...RECORD });
  });
});
