import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { geminiHarness } from "../../../src/harness/gemini.ts";
import { captured, judgedAsSeen, outcomeOf, REQUEST, SERVERS } from "./streams.ts";

const { linesOf, stderrLinesOf } = captured("gemini");
const judged = (name: string, code: number | null, signal: string | null = null) =>
  geminiHarness.judge({ code, signal }, outcomeOf(geminiHarness, linesOf(name)));
const SETTINGS = "gemini/.gemini/settings.json";
const settingsOf = (plan: ReturnType<typeof geminiHarness.plan>) =>
  JSON.parse(plan.files.find(({ name }) => name === SETTINGS)?.text ?? "") as Record<
    string,
    unknown
  >;

describe("the launch plan", () => {
  test("is this command line, in a home of the agent's own", () => {
    const plan = geminiHarness.plan({ ...REQUEST, model: "gemini-3-pro", effort: "high" });
    expect(plan.argv).toEqual([
      "gemini",
      "--output-format",
      "stream-json",
      "--skip-trust",
      "--model",
      "gemini-3-pro",
      "--approval-mode",
      "auto_edit",
    ]);
    expect(plan.env).toEqual({ GEMINI_CLI_NO_RELAUNCH: "true" });
    expect(plan.fixedEnv).toEqual({ GEMINI_CLI_HOME: "/home/dev/agents/a/gemini" });
    expect(plan.stdin).toBe("prompt.md");
    expect(plan.warnings).toEqual(["Gemini CLI has no setting for effort: it was ignored."]);
  });

  test("keeps the user's settings, but not the user's servers, updates and container", () => {
    const path = "/home/dev/.gemini/settings.json";
    expect(geminiHarness.userFiles?.(REQUEST.environment)).toEqual([path]);
    const text = `{
      // how I log in
      "security": { "auth": { "selectedType": "oauth-personal" } },
      "general": { "vimMode": true, "enableAutoUpdate": true },
      "tools": { "sandbox": "docker", "core": ["ls // no comment"], },
      "mcpServers": { "mine": { "command": "mine" } }
    }`;
    const plan = geminiHarness.plan({
      ...REQUEST,
      mcpServers: SERVERS,
      userFiles: { [path]: text },
    });
    expect(plan.warnings).toEqual([]);
    expect(settingsOf(plan)).toEqual({
      security: { auth: { selectedType: "oauth-personal" } },
      general: { vimMode: true, enableAutoUpdate: false, enableAutoUpdateNotification: false },
      tools: { sandbox: false, core: ["ls // no comment"] },
      mcpServers: {
        corral: {
          httpUrl: "http://127.0.0.1:4100/mcp",
          headers: { Authorization: "Bearer s3cr3t-token" },
          trust: true,
        },
        files: {
          command: "files-mcp",
          args: ["--root", "."],
          env: { FILES_KEY: "s3cr3t-env" },
          trust: true,
        },
        web: {
          httpUrl: "https://mcp.example.com/mcp",
          headers: { "X-Key": "s3cr3t-header" },
          trust: true,
        },
      },
    });
    expect(JSON.stringify([plan.argv, plan.env, plan.fixedEnv])).not.toContain("s3cr3t");
  });

  test("says when the user's settings cannot be read", () => {
    const userFiles = { "/home/dev/.gemini/settings.json": "{ broken" };
    const plan = geminiHarness.plan({ ...REQUEST, userFiles });
    expect(plan.warnings.join()).toContain("settings.json");
    expect(settingsOf(plan)).toHaveProperty("mcpServers.corral");
  });

  test("links the login", () => {
    expect(geminiHarness.plan(REQUEST).links).toContainEqual({
      name: "gemini/.gemini/oauth_creds.json",
      target: "/home/dev/.gemini/oauth_creds.json",
    });
  });

  test("leaves an agent in plan mode its voice, and says when it skips checks", () => {
    const mode = (permissionMode: "plan" | "skip") =>
      geminiHarness.plan({ ...REQUEST, permissionMode });
    expect(mode("plan").argv.at(-1)).toBe("default");
    expect(mode("skip").argv.at(-1)).toBe("yolo");
    expect(mode("skip").warnings.join()).toContain("asks nobody");
  });
});

describe("captured streams", () => {
  // Frozen by hand from what the observer saw, not from what the code says.
  // "orphanwork": its second process went on and told its result after the first was killed.
  const FAILED =
    /^(sig-|group-|norelaunch-|mcpcall-|pipebg|sticky-(?!exit)|tmux-(exec|kill)|f401|f429|drop|hang|deadmodel)/;

  judgedAsSeen(geminiHarness, FAILED, 33);

  test("the events of a run that ended well, in order", () => {
    const events = linesOf("happy").flatMap((line) => geminiHarness.events(line));
    expect(events.map(({ type }) => type)).toEqual([
      "started",
      "text",
      "tool_call",
      "tool_result",
      "tool_call",
      "tool_result",
      "tool_call",
      "tool_result",
      "tool_call",
      "tool_result",
      "text",
      "text",
      "result",
    ]);
    expect(events[2]).toMatchObject({ name: "mcp__feas__update_agent_progress" });
    expect(outcomeOf(geminiHarness, linesOf("happy"))).toMatchObject({
      sessionId: "1833c61a-a350-4ff7-a446-d958ab247ca6",
      lastText: "All scripted work is done.",
      usage: { input_tokens: 500, output_tokens: 100, cached_tokens: 0, turns: null },
    });
  });

  test("exit 0 of a group that was terminated is no success", () => {
    expect(judged("group-TERM", 0)).toEqual({ ok: false, reason: "ended without a result" });
  });

  test("a refused key says how to log in, without the odd exit code", () => {
    expect(judged("f401", 145).reason).toBe(
      "not logged in: run `gemini` once and log in, or set GEMINI_API_KEY for the daemon",
    );
  });
});

describe("stderr", () => {
  const told = (name: string) =>
    stderrLinesOf(name).flatMap((line) => geminiHarness.stderrEvents?.(line) ?? []);

  test("tells of rate limits and of a model that does not answer, attempt by attempt", () => {
    expect(told("f429").map(({ type }) => type)).toEqual(
      Array.from({ length: told("f429").length }, () => "rate_limited"),
    );
    expect(told("f429").length).toBeGreaterThan(2);
    expect(told("deadmodel")[2]).toEqual({
      type: "retry",
      error: "Error: exception TypeError: fetch failed sending request",
      attempt: 3,
    });
    expect(told("f529once")[0]).toMatchObject({ type: "retry", attempt: 1 });
  });
});

describe("lines that were not captured", () => {
  const events = (value: object) => geminiHarness.events(JSON.stringify(value));

  test("a call that a policy denies is said", () => {
    const denied = {
      type: "tool_result",
      tool_id: "run_shell_command__run_shell_command_1795645120_0",
      status: "error",
      error: { type: "policy_violation", message: "Tool execution denied by policy." },
    };
    expect(events(denied).map(({ type }) => type)).toEqual(["permission_needed", "tool_result"]);
  });

  test("unknown kinds pass through, and any text is taken", () => {
    const raw = { type: "new_thing" };
    expect(events(raw)).toEqual([{ type: "unknown", raw }]);
    const shaped = fc.record({
      type: fc.constantFrom("init", "message", "tool_use", "tool_result", "error", "result"),
      status: fc.constantFrom("success", "error"),
      error: fc.jsonValue(),
      stats: fc.jsonValue(),
      content: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), shaped), (value) => {
        const line = typeof value === "string" ? value : JSON.stringify(value);
        geminiHarness.events(line);
        geminiHarness.stderrEvents?.(line);
      }),
    );
  });
});
