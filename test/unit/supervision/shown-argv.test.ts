import { describe, expect, test } from "vitest";
import { shownArgv } from "../../../src/supervision/shown-argv.ts";

const LONG = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF";

describe("masked", () => {
  test.for([
    [["x", "--token", "hunter2"], "x --token •••"],
    [["x", "--api-key=hunter2"], "x --api-key=•••"],
    [["x", "OPENAI_API_KEY=hunter2"], "x OPENAI_API_KEY=•••"],
    [["x", "GITHUB_TOKEN=hunter2", "y"], "x GITHUB_TOKEN=••• y"],
    [["x", "-password", "hunter2"], "x -password •••"],
    [["x", "sk-ant-REDACTED"], "x •••"],
    [["x", "ghp_0123456789abcdef"], "x •••"],
    [["x", "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"], "x •••"],
    [["x", "postgres://me:hunter2@host/db"], "x postgres://•••@host/db"],
    [["x", "https://host/?token=hunter2&b=1"], "x https://host/?token=•••&b=1"],
    [["x", "--header", "Authorization: Bearer hunter2"], "x --header Authorization: Bearer •••"],
    [["x", '{"mcp":{"api_key":"hunter2"}}'], 'x {"mcp":{"api_key":"•••"}}'],
    [["x", LONG], "x •••"],
  ] as const)("%o", ([argv, shown]) => {
    expect(shownArgv(argv)).toBe(shown);
    expect(shownArgv(argv)).not.toContain("hunter2");
  });
});

test.for([
  ["claude", "-p", "--output-format", "stream-json"],
  ["node", "/usr/lib/node_modules/@playwright/mcp/cli.js", "--port", "8931"],
  ["x", "--tokenizer", "fast", "--auth", "--verbose"],
])("nothing to mask: %o", (argv) => {
  expect(shownArgv(argv as unknown as readonly string[])).toBe(
    (argv as unknown as readonly string[]).join(" "),
  );
});

test("is one short line", () => {
  const shown = shownArgv(["x", "one\ntwo\u001b[31m", "word ".repeat(400), ...Array(99).fill("y")]);
  expect(shown.length).toBeLessThanOrEqual(240);
  expect(shown).toMatch(/^x one two \[31m word/);
  // oxlint-disable-next-line no-control-regex -- keeping them out is the point
  expect(shown).not.toMatch(/[\u0000-\u001f]/);
});
