import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fault } from "../../../src/kernel/fault.ts";
import {
  readConfiguration,
  settingSources,
  type SettingName,
  SETTINGS,
  variableOf,
} from "../../../src/supervision/configuration.ts";

const NAMES = Object.keys(SETTINGS) as SettingName[];

function invalid(file: unknown, env: Record<string, string> = {}): string {
  try {
    readConfiguration(file, env);
  } catch (error) {
    if (error instanceof Fault && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("where a setting comes from", () => {
  test("defaults, when nothing is said", () => {
    const configuration = readConfiguration({}, {});
    for (const name of NAMES) expect(configuration[name]).toEqual(SETTINGS[name].fallback);
  });

  test("the file beats the default, the environment beats the file", () => {
    expect(readConfiguration({ grace_ms: 5 }, {}).grace_ms).toBe(5);
    expect(readConfiguration({ grace_ms: 5 }, { CORRAL_GRACE_MS: "7" }).grace_ms).toBe(7);
  });

  test("other variables, CORRAL_ ones of other programs too, mean nothing", () => {
    const env = { CORRAL_STATE_DIR: "/x", CORRAL_TOKEN: "y", GRACE_MS: "1" };
    expect(readConfiguration({}, env)).toEqual(readConfiguration({}, {}));
  });

  test("a list comes from one variable", () => {
    const configuration = readConfiguration({}, { CORRAL_ENV_ALLOW: "A,B_*,," });
    expect(configuration.env_allow).toEqual(["A", "B_*"]);
  });
});

describe("what is refused, by name", () => {
  test.for([
    [{ grace_ms: -1 }, {}, /"grace_ms" = -1/],
    [{ grace_ms: 1.5 }, {}, /"grace_ms"/],
    [{ grace_ms: "soon" }, {}, /"grace_ms" = "soon"/],
    [{}, { CORRAL_GRACE_MS: "soon" }, /CORRAL_GRACE_MS = "soon"/],
    [{ limit_running: 0 }, {}, /"limit_running" = 0/],
    [{ limit_running: 501 }, {}, /"limit_running"/],
    [{ host: "screen" }, {}, /"host" = "screen"/],
    [{ env_allow: ["1A"] }, {}, /"env_allow"/],
    [{ grace: 1 }, {}, /"grace": is no setting/],
    [[], {}, /is not a JSON object/],
    ["text", {}, /is not a JSON object/],
    [null, {}, /is not a JSON object/],
  ] as const)("%o %o", ([file, env, message]) => {
    expect(invalid(file, env)).toMatch(message);
  });
});

test("every setting can be said in the environment by its own name", () => {
  expect(new Set(NAMES.map(variableOf)).size).toBe(NAMES.length);
  for (const name of NAMES) {
    expect(variableOf(name)).toMatch(/^CORRAL_[A-Z0-9_]+$/);
    expect(() => readConfiguration({}, { [variableOf(name)]: "\u0000" })).toThrow(variableOf(name));
  }
});

test("whatever is given, the answer is complete and within bounds, or CONFIG_INVALID", () => {
  const anyValue = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...NAMES), anyValue), (file) => {
      try {
        const configuration = readConfiguration(file, {});
        expect(Object.keys(configuration)).toEqual(NAMES);
        for (const name of NAMES) {
          expect(SETTINGS[name].schema.safeParse(configuration[name]).success).toBe(true);
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "CONFIG_INVALID" });
      }
    }),
  );
});

test("each setting tells who has set it; the environment wins", () => {
  const file = { grace_ms: 5, term_ms: 7 };
  const sources = settingSources(file, { CORRAL_TERM_MS: "8", CORRAL_UNKNOWN: "1" });
  expect(sources).toMatchObject({ grace_ms: "file", term_ms: "environment", resync_ms: "default" });
  expect(Object.keys(sources)).toEqual(Object.keys(SETTINGS));
});
