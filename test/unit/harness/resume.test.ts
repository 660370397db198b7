/** How each harness goes on with a session: what it runs, and where the session lies. */
import { describe, expect, test } from "vitest";
import { HARNESSES } from "../../../src/contract/agent.ts";
import { CAPABILITIES } from "../../../src/harness/capabilities.ts";
import { HARNESS_BY_NAME } from "../../../src/harness/registry.ts";
import { REQUEST } from "./streams.ts";

const SESSION = "0199a1b2-aaaa-bbbb-cccc-0123456789ab";

test.for([
  ["claude", ["--resume", SESSION]],
  ["codex", ["resume", SESSION, "-"]],
  ["gemini", ["--resume", SESSION]],
  ["opencode", ["--session", SESSION]],
] as const)("%s is told the session, and nothing else changes", ([name, words]) => {
  const harness = HARNESS_BY_NAME[name];
  const { argv: anew } = harness.plan(REQUEST);
  const { argv } = harness.plan({ ...REQUEST, session: SESSION });
  expect(argv.join(" ")).toContain(words.join(" "));
  expect(
    argv.filter((word) => !(words as readonly string[]).includes(word) || word === "-"),
  ).toEqual(anew);
});

test("codex's options stand before its subcommand, which does not know them", () => {
  const { argv } = HARNESS_BY_NAME.codex.plan({ ...REQUEST, session: SESSION });
  expect(argv.slice(-3)).toEqual(["resume", SESSION, "-"]);
});

test("a session that is an option is refused", () => {
  for (const name of ["claude", "codex", "gemini", "opencode"] as const) {
    expect(() => HARNESS_BY_NAME[name].plan({ ...REQUEST, session: "--yolo" })).toThrow(/no value/);
  }
});

test.for(HARNESSES)("%s resumes exactly when the table says so", (name) => {
  expect(HARNESS_BY_NAME[name].resume !== undefined).toBe(CAPABILITIES[name].resume !== null);
});

describe("where the session lies", () => {
  const earlier = {
    session: SESSION,
    directory: "/state/agents/a",
    environment: { HOME: "/home/dev" },
  };
  test("claude: in the user's home, and it stays there", () => {
    const road = HARNESS_BY_NAME.claude.resume!;
    expect(road.place(earlier)).toEqual({
      root: "/home/dev/.claude/projects",
      nameEnds: SESSION,
      extensions: [".jsonl"],
      carryTo: null,
    });
    const moved = { ...earlier, environment: { HOME: "/home/dev", CLAUDE_CONFIG_DIR: "/c" } };
    expect(road.place(moved)?.root).toBe("/c/projects");
  });

  test("codex and gemini: in the earlier agent's directory, and taken along", () => {
    expect(HARNESS_BY_NAME.codex.resume!.place(earlier)).toMatchObject({
      root: "/state/agents/a/codex/sessions",
      nameEnds: `-${SESSION}`,
      carryTo: "codex/sessions",
    });
    expect(HARNESS_BY_NAME.gemini.resume!.place(earlier)).toMatchObject({
      root: "/state/agents/a/gemini/.gemini/tmp",
      nameEnds: "-0199a1b2",
      carryTo: "gemini/.gemini/tmp",
    });
  });

  test("opencode: where only opencode sees it", () => {
    expect(HARNESS_BY_NAME.opencode.resume!.place(earlier)).toBeNull();
  });
});
