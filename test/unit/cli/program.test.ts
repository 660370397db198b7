import { describe, expect, test } from "vitest";
import { FAULT_CODES, Fault } from "../../../src/kernel/fault.ts";
import { corral, noDaemon } from "./fake-ports.ts";

const throwing = (fault: unknown) => ({
  tasks: async () => {
    throw fault;
  },
});

describe("failures", () => {
  test("are two lines on stderr and nothing on stdout", async () => {
    const fault = new Fault("TASK_NOT_FOUND", "No such task.", { hint: "List them." });
    const { exit, out, err } = await corral(["task", "list"], throwing(fault));
    expect({ exit, out, err }).toEqual({
      exit: 3,
      out: "",
      err: "TASK_NOT_FOUND: No such task.\nNext: List them.\n",
    });
  });

  test("with --json are a document on stdout as well", async () => {
    const { exit, out, err } = await corral(["task", "list", "--json"], throwing(noDaemon()));
    expect(exit).toBe(6);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: "DAEMON_UNREACHABLE", retryable: true, hint: 'Run "corral up".' },
    });
    expect(err).toContain("Next: ");
  });

  test("that nobody expected exit with 70", async () => {
    const { exit, err } = await corral(["task", "list"], throwing(new TypeError("x is odd")));
    expect(exit).toBe(70);
    expect(err).toMatch(/^INTERNAL: /);
  });

  test("of every published code have an exit code of their class", async () => {
    for (const code of FAULT_CODES) {
      const fault = new Fault(code, "m", { hint: "h" });
      const { exit } = await corral(["task", "list"], throwing(fault));
      expect([2, 3, 4, 5, 6, 70], code).toContain(exit);
    }
  });
});

describe("usage", () => {
  test.for([
    [["pss"], "Did you mean ps?"],
    [["ps", "--al"], "Did you mean --all?"],
    [["ps", "extra"], "corral --help"],
    [["logs"], "corral --help"],
    [["logs", "a", "--tail", "0"], "corral --help"],
    [["deploy", "--type", "x", "--harness", "codx"], "corral --help"],
    [["deploy", "--type", "x", "--env", "1A=b"], "corral --help"],
    [["wait"], "corral wait"],
    [["wait", "--timeout", "soon"], "corral --help"],
    [["task"], "corral --help"],
    [[], "corral --help"],
  ] as const)("%j is refused with exit 2 and the next step", async ([argv, hint]) => {
    const { exit, out, err } = await corral(argv, {});
    expect(exit).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^INPUT_INVALID: .+\nNext: .+\n$/);
    expect(err).toContain(hint);
  });

  test("--json is not taken from an agent's own command", async () => {
    const { out } = await corral(["deploy", "--typ", "x", "--", "jq", "--json"], {});
    expect(out).toBe("");
  });
});
