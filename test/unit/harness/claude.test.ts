import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { allowedEnv } from "../../../src/harness/env.ts";
import type { StreamEvent, StreamOutcome } from "../../../src/harness/harness.ts";
import { captured, outcomeOf as outcomeBy, REQUEST, SERVERS } from "./streams.ts";

const { cases: CLAUDE_CASES, linesOf: linesOfCase } = captured("claude");

const outcomeOf = (lines: readonly string[]): StreamOutcome => outcomeBy(claudeHarness, lines);

describe("the launch plan", () => {
  test("is this command line", () => {
    const { argv, stdin, warnings } = claudeHarness.plan({
      ...REQUEST,
      model: "opus",
      effort: "high",
    });
    expect(argv).toEqual([
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--input-format",
      "stream-json",
      "--replay-user-messages",
      "--settings",
      "/home/dev/agents/a/settings.json",
      "--mcp-config",
      "/home/dev/agents/a/mcp.json",
      "--strict-mcp-config",
      "--model",
      "opus",
      "--effort",
      "high",
      "--permission-mode",
      "acceptEdits",
      "--allowedTools",
      "mcp__corral,Read,Glob,Grep",
    ]);
    expect(stdin).toBe("prompt.jsonl");
    expect(warnings).toEqual([]);
  });

  test("keeps the prompt and the token out of argv and environment", () => {
    const plan = claudeHarness.plan({ ...REQUEST, permissionMode: "skip", isRoot: true });
    const shown = JSON.stringify([plan.argv, plan.env]);
    expect(shown).not.toContain("s3cr3t");
    expect(shown).not.toContain("Do it");
    expect(plan.files.map(({ name, kind }) => [name, kind])).toEqual([
      ["prompt.jsonl", "prompt_file"],
      ["settings.json", "agent_config"],
      ["mcp.json", "agent_config"],
    ]);
    expect(JSON.parse(plan.files[0]?.text ?? "")).toMatchObject({
      type: "user",
      message: { role: "user", content: [{ type: "text", text: REQUEST.prompt }] },
    });
    expect(JSON.parse(plan.files[2]?.text ?? "")).toEqual({
      mcpServers: {
        corral: {
          type: "http",
          url: "http://127.0.0.1:4100/mcp",
          headers: { Authorization: "Bearer s3cr3t-token" },
        },
      },
    });
  });

  test("gives further servers in the same file, and allows their tools", () => {
    const plan = claudeHarness.plan({ ...REQUEST, mcpServers: SERVERS });
    expect(JSON.parse(plan.files[2]?.text ?? "")).toMatchObject({
      mcpServers: {
        corral: { type: "http" },
        files: { type: "stdio", command: "files-mcp", args: ["--root", "."] },
        web: { type: "http", url: "https://mcp.example.com/mcp" },
      },
    });
    expect(plan.argv.at(-1)).toBe("mcp__corral,mcp__files,mcp__web,Read,Glob,Grep");
    expect(JSON.stringify([plan.argv, plan.env])).not.toContain("s3cr3t");
  });

  test("holds no background shells and replaces no program under others", () => {
    expect(claudeHarness.plan(REQUEST).env).toEqual({
      DISABLE_AUTOUPDATER: "1",
      CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    });
  });

  test("in plan mode nothing is changed, and the agent can still report", () => {
    const { argv } = claudeHarness.plan({ ...REQUEST, permissionMode: "plan" });
    expect(argv.slice(argv.indexOf("--permission-mode"))).toEqual([
      "--permission-mode",
      "dontAsk",
      "--disallowedTools",
      "Edit,Write,NotebookEdit",
      "--allowedTools",
      "mcp__corral,Read,Glob,Grep",
    ]);
  });

  test("its own hook closes its input when its turn is over, well or not", () => {
    const plan = claudeHarness.plan(REQUEST);
    expect(plan.hasInput).toBe(true);
    const hook = [{ hooks: [{ type: "command", command: REQUEST.endInput, timeout: 10 }] }];
    expect(JSON.parse(plan.files[1]?.text ?? "")).toEqual({
      hooks: { Stop: hook, StopFailure: hook },
    });
  });

  test.for([
    ["the user's", "/home/dev/.claude/settings.json", '{"disableAllHooks": true} // quiet', false],
    ["the project's", "/w/.claude/settings.json", '{"disableAllHooks": true}', false],
    [
      "one's own in the project",
      "/w/.claude/settings.local.json",
      '{"disableAllHooks":true}',
      false,
    ],
    [
      "an administrator's",
      "/etc/claude-code/managed-settings.json",
      '{"allowManagedHooksOnly": true}',
      false,
    ],
    [
      "a user's, as only an administrator can",
      "/home/dev/.claude/settings.json",
      '{"allowManagedHooksOnly": true}',
      true,
    ],
    [
      "settings that turn nothing off",
      "/w/.claude/settings.json",
      '{"disableAllHooks": false}',
      true,
    ],
    ["settings that cannot be read", "/w/.claude/settings.json", "{", true],
  ] as const)("where hooks are off it gets a plain prompt: %s", ([, path, text, hasInput]) => {
    const environment = { HOME: "/home/dev" };
    const paths = claudeHarness.userFiles?.(environment, "/w") ?? [];
    expect(paths).toContain(path);
    const userFiles = Object.fromEntries(paths.map((one) => [one, one === path ? text : null]));
    const plan = claudeHarness.plan({ ...REQUEST, environment, userFiles });
    expect(plan.hasInput === true).toBe(hasInput);
    expect(plan.stdin).toBe(hasInput ? "prompt.jsonl" : "prompt.md");
    expect(plan.argv.includes("--input-format")).toBe(hasInput);
    expect(plan.files[0]?.text === REQUEST.prompt).toBe(!hasInput);
    expect(plan.warnings.join()).toMatch(hasInput ? /^$/ : /Hooks are turned off .* next report/);
  });

  test("a message is one line, named by its own UUID, whatever is in it", () => {
    const text = 'One\nTwo\u2028"Three"';
    const line = claudeHarness.inputLine?.("MSG-0123456789ab", text) ?? "";
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toMatchObject({
      type: "user",
      uuid: "4d534700-0000-4000-8000-0123456789ab",
      message: { role: "user", content: [{ type: "text", text }] },
    });
  });

  test("skips permissions as root only by saying so", () => {
    const user = claudeHarness.plan({ ...REQUEST, permissionMode: "skip" });
    expect(user.argv.at(-1)).toBe("--dangerously-skip-permissions");
    expect(user.env).not.toHaveProperty("IS_SANDBOX");
    const root = claudeHarness.plan({ ...REQUEST, permissionMode: "skip", isRoot: true });
    expect(root.env).toHaveProperty("IS_SANDBOX", "1");
    expect(root.warnings.join()).toContain("IS_SANDBOX=1");
  });

  test("a model that is a flag is refused", () => {
    expect(() =>
      claudeHarness.plan({ ...REQUEST, model: "--dangerously-skip-permissions" }),
    ).toThrow(expect.objectContaining({ code: "INPUT_INVALID" }));
  });

  test("takes over the documented names and no other", () => {
    const { envAllow } = claudeHarness.plan(REQUEST);
    const passed = allowedEnv(envAllow, {
      PATH: "/bin",
      LC_TIME: "C",
      ANTHROPIC_API_KEY: "k",
      AWS_REGION: "eu",
      VERTEX_REGION_CLAUDE_5_OPUS: "eu",
      https_proxy: "http://p",
      CORRAL_TOKEN: "no",
      GITHUB_TOKEN: "no",
      AWS_MFA_SERIAL: "no",
      SSH_AUTH_SOCK: "no",
      CLAUDECODE: "no",
      LCX: "no",
      HOME: undefined,
    });
    expect(Object.keys(passed).toSorted()).toEqual([
      "ANTHROPIC_API_KEY",
      "AWS_REGION",
      "LC_TIME",
      "PATH",
      "VERTEX_REGION_CLAUDE_5_OPUS",
      "https_proxy",
    ]);
  });
});

describe("captured streams", () => {
  // Frozen by hand from what the observer saw, not from what the code says.
  const FAILED =
    /^(sig-|group-|mcpcall-|orphanwork-|sticky-(?!exit)|root-|tmux-(exec|kill)|f401|f429|drop|hang|deadmodel)/;

  test("there are many", () => expect(CLAUDE_CASES.length).toBeGreaterThan(38));

  test.for(CLAUDE_CASES)("$case is judged as it was seen", ({ case: name, exit }) => {
    const outcome = outcomeOf(linesOfCase(name));
    // The observer ends what it gave up on, and tmux tells no code: Corral would have killed both.
    const code = exit.code ?? (name === "tmux-happy" ? 0 : null);
    const signal = exit.signal ?? (code === null ? "SIGKILL" : null);
    const verdict = claudeHarness.judge({ code, signal }, outcome);
    expect(verdict.ok, verdict.reason).toBe(!FAILED.test(name));
    expect(verdict.reason).not.toBe("");
  });

  test("a run that goes on has used up what its answers told, each counted once", () => {
    const lines = linesOfCase("happy").filter((line) => !line.includes('"type":"result"'));
    // Seven answers' lines, two of them of one answer.
    expect(outcomeOf(lines).usage).toEqual({
      input_tokens: 600,
      cached_tokens: 0,
      output_tokens: 6,
      cost_usd: null,
      turns: 6,
    });
  });

  test("a run that ended well", () => {
    const outcome = outcomeOf(linesOfCase("happy"));
    expect(outcome).toMatchObject({
      sessionId: "a3e838f8-e1d6-4ce4-83eb-ac2e663aa251",
      usage: {
        input_tokens: 600,
        cached_tokens: 0,
        output_tokens: 120,
        cost_usd: 0.0036,
        turns: 6,
      },
      lastError: null,
      result: { isError: false, text: "All scripted work is done.", permissionDenials: 0 },
    });
    expect(claudeHarness.judge({ code: 0, signal: null }, outcome).reason).toBe("completed");
  });

  test("a run that stopped itself at its cost says so", () => {
    const line = JSON.stringify({
      type: "result",
      subtype: "error_max_budget_usd",
      is_error: true,
      errors: ["Reached maximum budget ($0.001)"],
      total_cost_usd: 0.0012,
    });
    const verdict = claudeHarness.judge({ code: 1, signal: null }, outcomeOf([line]));
    expect(verdict).toEqual({
      ok: false,
      reason: "it has spent its budget and stopped itself (Reached maximum budget ($0.001))",
    });
  });

  test("its events, in order", () => {
    const events = linesOfCase("happy").flatMap((line) => claudeHarness.events(line));
    expect(events.map(({ type }) => type)).toEqual([
      "started",
      "tool_call",
      "usage",
      "tool_result",
      "text",
      "usage",
      "tool_call",
      "usage",
      "tool_result",
      "tool_call",
      "usage",
      "tool_result",
      "tool_call",
      "usage",
      "tool_result",
      "tool_call",
      "usage",
      "tool_result",
      "text",
      "usage",
      "result",
    ]);
    expect(events[8]).toEqual({
      type: "tool_result",
      id: "toolu_t0c0_ba331895",
      text: "recorded working 10% for AGENT-42",
      isError: false,
    });
  });

  const judged = (name: string, code: number | null, signal: string | null = null) =>
    claudeHarness.judge({ code, signal }, outcomeOf(linesOfCase(name))).reason;

  test("exit 0 after an interrupt is no success", () => {
    expect(judged("sig-INT", 0)).toBe("interrupted (aborted_tools)");
  });
  test("denied calls are told of, though the CLI calls it a success", () => {
    expect(judged("noperm", 0)).toBe("completed; 4 tool calls were denied");
  });
  test("a missing login says how to log in", () => {
    expect(judged("f401", null, "SIGKILL")).toBe(
      "ended by SIGKILL without a result; not logged in: run `claude` once and log in, or set ANTHROPIC_API_KEY for the daemon",
    );
  });
  test("a rate limit is named", () => {
    expect(judged("f429", 1)).toBe(
      "exited with code 1 without a result; rate limited by the model's provider (rate_limit)",
    );
  });
  test("signals have names, also behind a caught one's exit code", () => {
    expect(judged("sig-TERM", 143)).toBe("ended by SIGTERM (exit code 143) without a result");
    expect(judged("sig-HUP", 129)).toContain("SIGHUP");
    expect(judged("sig-KILL", null, "SIGKILL")).toBe("ended by SIGKILL without a result");
  });
  test("exit 0 without a result is no success", () => {
    expect(judged("hang", 0)).toBe("ended without a result");
  });
  test("an end before the first word points at stderr", () => {
    expect(judged("root-noenv", 1)).toBe(
      "exited with code 1 without a result, before its first word: its stderr says why",
    );
  });
  test("a signal after the result does not undo the work", () => {
    expect(
      claudeHarness.judge({ code: null, signal: "SIGTERM" }, outcomeOf(linesOfCase("happy"))),
    ).toEqual({
      ok: true,
      reason: "completed, then ended by SIGTERM",
    });
  });
  test("a code after the result does", () => {
    expect(claudeHarness.judge({ code: 7, signal: null }, outcomeOf(linesOfCase("happy")))).toEqual(
      {
        ok: false,
        reason: "exited with code 7 after a successful result",
      },
    );
  });
  test("an error before a recovery stays history", () => {
    const outcome = outcomeOf(linesOfCase("f529once"));
    expect(outcome.lastError).toBe("overloaded");
    expect(claudeHarness.judge({ code: 0, signal: null }, outcome).ok).toBe(true);
  });
  test("of two results the last one counts", () => {
    const again = [...linesOfCase("happy"), ...linesOfCase("sig-INT")];
    expect(outcomeOf(again).result?.isError).toBe(true);
    expect(outcomeOf(again.toReversed()).result?.isError).toBe(false);
  });
});

describe("damaged lines", () => {
  test("any cut of a real line is taken without an exception", () => {
    const lines = linesOfCase("happy");
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.nat(), (line, at) => {
        const cut = line.slice(0, at % line.length);
        const events = claudeHarness.events(cut);
        expect(events).toEqual(cut === "" ? [] : [{ type: "plain", line: cut }]);
      }),
    );
  });

  test("any JSON and any text is taken without an exception", () => {
    const shaped = fc.record(
      {
        type: fc.constantFrom("system", "assistant", "user", "result", "rate_limit_event", "error"),
        subtype: fc.constantFrom("init", "api_retry", "success", "permission_denied"),
        message: fc.oneof(fc.jsonValue(), fc.record({ content: fc.array(fc.jsonValue()) })),
        usage: fc.jsonValue(),
        modelUsage: fc.jsonValue(),
        permission_denials: fc.jsonValue(),
        errors: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      { requiredKeys: ["type"] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.json(),
          shaped.map((value) => JSON.stringify(value)),
        ),
        (line) => {
          const types = claudeHarness.events(line).map(({ type }) => type);
          expect(types.length > 0 || line.trim() === "" || /"(assistant|user)"/.test(line)).toBe(
            true,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a line of 10 MB is one event with its whole text", () => {
    const text = "x".repeat(10_000_000);
    const content = [{ type: "tool_result", tool_use_id: "t", content: text }];
    const events = claudeHarness.events(JSON.stringify({ type: "user", message: { content } }));
    expect(events).toHaveLength(1);
    expect((events[0] as Extract<StreamEvent, { type: "tool_result" }>).text).toHaveLength(
      10_000_000,
    );
  });

  test("unknown kinds pass through", () => {
    const raw = { type: "system", subtype: "task_started", task_id: "b" };
    expect(claudeHarness.events(JSON.stringify(raw))).toEqual([{ type: "unknown", raw }]);
  });
});
