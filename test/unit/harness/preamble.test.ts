import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agentPrompt, type AgentPromptInput, resumePrompt } from "../../../src/harness/preamble.ts";

const INPUT: AgentPromptInput = {
  task: {
    taskId: "TASK-20261122-120000-0123abcd",
    description: "Make it work.",
    backgroundContext: null,
    expectedDeliverables: [],
    successCriteria: [],
    constraints: [],
    relevantFiles: [],
    conversationHistory: [],
  },
  agent: {
    agentId: "investigator-120001-abcdef",
    agentType: "investigator",
    parent: "orchestrator",
    depth: 1,
    maxDepth: 5,
    wallClockS: 3_600,
  },
  prompt: "Find out why.",
};
const withTask = (over: Partial<AgentPromptInput["task"]>): AgentPromptInput => ({
  ...INPUT,
  task: { ...INPUT.task, ...over },
});

test("is short: under 1 500 bytes without the task's own text", () => {
  const bare = { ...withTask({ description: "" }), prompt: "" };
  expect(Buffer.byteLength(agentPrompt(bare))).toBeLessThan(1_500);
});

test("tells the agent who it is and how to report as itself", () => {
  const text = agentPrompt(INPUT);
  expect(text).toContain("investigator-120001-abcdef");
  expect(text).toContain('task_id "TASK-20261122-120000-0123abcd"');
  expect(text).toContain("parent orchestrator; depth 1 of 5");
  expect(text).toContain("stopped after 3600 seconds");
  for (const tool of ["update_agent_progress", "report_agent_finding", "spawn_child_agent"]) {
    expect(text).toContain(tool);
  }
  expect(text).toContain('parent_agent_id "investigator-120001-abcdef"');
  expect(text).toMatch(/completed.*verified/);
});

test("at the last generation there is no word of spawning", () => {
  const text = agentPrompt({ ...INPUT, agent: { ...INPUT.agent, depth: 5 } });
  expect(text).not.toContain("spawn_child_agent");
  expect(text).toContain("depth limit is reached");
});

test("without tools nobody is told to use them", () => {
  expect(agentPrompt({ ...INPUT, hasTools: false })).not.toMatch(/update_agent_progress|MCP/);
});

test("holds all that the task says, and the mission last, unchanged", () => {
  const text = agentPrompt({
    ...withTask({
      backgroundContext: "It worked yesterday.",
      expectedDeliverables: ["a report"],
      successCriteria: ["tests pass"],
      constraints: ["no new dependency"],
      relevantFiles: ["src/a.ts"],
    }),
    prompt: "Line 1\n\n  ```\n$x\n```",
  });
  for (const part of [
    "It worked yesterday.",
    "- a report",
    "- tests pass",
    "- no new dependency",
    "- src/a.ts",
  ]) {
    expect(text).toContain(part);
  }
  expect(text.endsWith("# Your mission\nLine 1\n\n  ```\n$x\n```\n")).toBe(true);
});

describe("the conversation", () => {
  test("a user's turn keeps 2 000 characters, any other 500", () => {
    const text = agentPrompt(
      withTask({
        conversationHistory: [
          { role: "user", content: "u".repeat(3_000), timestamp: "10:00" },
          { role: "assistant", content: "a".repeat(501) },
        ],
      }),
    );
    expect(text).toContain(`- user (10:00): ${"u".repeat(2_000)}… [1000 more characters]`);
    expect(text).toContain(`- assistant: ${"a".repeat(500)}… [1 more characters]`);
  });

  test("has a budget in all; the newest turns win and the rest is counted", () => {
    const turns = Array.from({ length: 50 }, (_, index) => ({
      role: "user",
      content: `turn ${index} ${"x".repeat(1_900)}`,
    }));
    const text = agentPrompt(withTask({ conversationHistory: turns }));
    expect(text).toContain("turn 49 ");
    expect(text).not.toContain("turn 0 ");
    expect(text).toContain("(44 earlier turns left out)");
  });

  test("never ends in half a character", () => {
    const text = agentPrompt(
      withTask({ conversationHistory: [{ role: "user", content: `${"x".repeat(1_999)}😀 tail` }] }),
    );
    expect(text.isWellFormed()).toBe(true);
  });

  test("is never longer than its budget, whatever was said", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            role: fc.constantFrom("user", "assistant"),
            content: fc.string({ maxLength: 5_000 }),
          }),
          { maxLength: 50 },
        ),
        (conversationHistory) => {
          const grown =
            agentPrompt(withTask({ conversationHistory })).length - agentPrompt(INPUT).length;
          expect(grown).toBeLessThan(12_000 + 50 + 100);
        },
      ),
    );
  });
});

test("names the tools as the agent's CLI shows them, and stays short", () => {
  const bare = { ...withTask({ description: "" }), prompt: "", toolPrefix: "mcp__corral__" };
  const text = agentPrompt(bare);
  expect(text).toContain("`mcp__corral__update_agent_progress`");
  expect(text).toContain("`mcp__corral__spawn_child_agent`");
  expect(Buffer.byteLength(text)).toBeLessThan(1_500);
});

test("the caller's own preamble stands in its place, with three names filled in", () => {
  const preamble = "You are {agent_id} of {parent} on {task_id}; write {json: true}.";
  expect(agentPrompt({ ...INPUT, preamble })).toBe(
    "You are investigator-120001-abcdef of orchestrator on TASK-20261122-120000-0123abcd; write {json: true}.\n\n# Your mission\nFind out why.\n",
  );
  expect(agentPrompt({ ...INPUT, preamble: "" })).toBe("Find out why.\n");
});

describe("the prompt of an agent that goes on", () => {
  const MESSAGE = {
    message_id: "MSG-0123456789ab",
    from: "orchestrator",
    relation: "orchestrator",
    text: "Leave the lockfile.",
    sent_at: "2026-01-01T00:00:00.000Z",
    repeated: false,
  } as const;
  const again = { ...INPUT, prompt: "Run the suite.", earlier: "investigator-1", messages: [] };

  test("says who it is now, how to report as that, and what to do, in this order", () => {
    const text = resumePrompt({ ...again, messages: [MESSAGE] });
    const places = [
      "You are investigator-120001-abcdef",
      "in which you were investigator-1. That agent has ended",
      'agent_id "investigator-120001-abcdef"',
      "MSG-0123456789ab from the orchestrator, sent 2026-01-01T00:00:00.000Z:\n| Leave the lockfile.",
      "# What to do now\nRun the suite.",
    ].map((part) => text.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(text, "its conversation has the task").not.toContain("Make it work.");
  });

  test("is short, and byte for byte the message at its end", () => {
    const text = resumePrompt(again);
    expect(Buffer.byteLength(text)).toBeLessThan(1_700);
    expect(text.endsWith("Run the suite.\n")).toBe(true);
    expect(text).not.toContain("Messages that were sent to you");
  });

  test("has the caller's own words in place of ours; none leaves the message alone", () => {
    expect(resumePrompt({ ...again, preamble: "" })).toBe("Run the suite.\n");
    const own = resumePrompt({ ...again, preamble: "Now {agent_id}." });
    expect(own).toBe("Now investigator-120001-abcdef.\n\n# What to do now\nRun the suite.\n");
  });
});
