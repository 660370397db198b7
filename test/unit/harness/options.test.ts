import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseSettings } from "../../../src/harness/options.ts";
import { toml } from "../../../src/harness/toml.ts";

test("settings may have comments and trailing commas, and strings keep what looks like one", () => {
  const text = `// mine
  { "a": "http://x // y", /* no */ "b": [1, 2,], "c": "\\"/* kept */",
  }`;
  expect(parseSettings(text)).toEqual({ a: "http://x // y", b: [1, 2], c: '"/* kept */' });
  expect(parseSettings("[]")).toBeNull();
  expect(parseSettings("{")).toBeNull();
});

test("any JSON object is read as it was written", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value);
      expect(parseSettings(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("TOML has its values before its tables, odd keys quoted, and no raw control character", () => {
  expect(toml({ t: { "a.b": "x\u007f\n" }, v: true, list: ["1", '"'] })).toBe(
    'v = true\nlist = ["1", "\\""]\n\n[t]\n"a.b" = "x\\u007f\\n"\n',
  );
});
