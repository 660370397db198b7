import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HARNESSES } from "../../../src/contract/agent.ts";
import { CAPABILITIES, capabilityRows, loginSigns } from "../../../src/harness/capabilities.ts";
import { harnessNamed } from "../../../src/harness/registry.ts";
import { documentText, tableRows } from "../../helpers/markdown.ts";

test("docs/agents.md has the table as it is here", () => {
  const rows = tableRows(documentText("docs/agents.md"));
  for (const row of capabilityRows()) expect(rows).toContainEqual(row);
});

test("the versions are those that the tests install", () => {
  const file = new URL("../../agent-clis/package.json", import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(dependencies).toEqual({
    "@anthropic-ai/claude-code": CAPABILITIES.claude.tested,
    "@openai/codex": CAPABILITIES.codex.tested,
    "@google/gemini-cli": CAPABILITIES.gemini.tested,
    "opencode-ai": CAPABILITIES.opencode.tested,
  });
});

test("what is said of tool calls and retries is what the harnesses do", () => {
  for (const name of HARNESSES) {
    const harness = harnessNamed(name);
    if (harness.program === null) continue;
    expect(CAPABILITIES[name].callsSeen, name).toBe(harness.hidesCalls !== true);
    expect(CAPABILITIES[name].retries === "stderr", name).toBe(harness.stderrEvents !== undefined);
  }
});

test("a login is looked for where its CLI keeps it", () => {
  expect(loginSigns("codex", { HOME: "/h", CODEX_API_KEY: "" })).toEqual({
    variables: [],
    files: ["/h/.codex/auth.json"],
  });
  expect(loginSigns("codex", { HOME: "/h", CODEX_HOME: "/c", CODEX_API_KEY: "k" })).toEqual({
    variables: ["CODEX_API_KEY"],
    files: ["/c/auth.json"],
  });
  expect(loginSigns("opencode", { HOME: "/h", XDG_DATA_HOME: "/d/share" }).files).toEqual([
    "/d/share/opencode/auth.json",
  ]);
});
