import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { opencodeHarness } from "../../../src/harness/opencode.ts";
import { captured, judgedAsSeen, outcomeOf, REQUEST, SERVERS } from "./streams.ts";

const { linesOf } = captured("opencode");
const judged = (name: string, code: number | null, signal: string | null = null) =>
  opencodeHarness.judge({ code, signal }, outcomeOf(opencodeHarness, linesOf(name)));
const configOf = (plan: ReturnType<typeof opencodeHarness.plan>) =>
  JSON.parse(plan.files.find(({ name }) => name === "opencode.json")?.text ?? "") as object;

describe("the launch plan", () => {
  test("is this command line, with its configuration laid over the user's", () => {
    const plan = opencodeHarness.plan({ ...REQUEST, model: "openai/gpt-6", effort: "high" });
    expect(plan.argv).toEqual([
      "opencode",
      "run",
      "--format",
      "json",
      "--print-logs",
      "--log-level",
      "WARN",
      "--model",
      "openai/gpt-6",
      "--variant",
      "high",
    ]);
    expect(plan.fixedEnv).toEqual({
      OPENCODE_CONFIG: "/home/dev/agents/a/opencode.json",
      OPENCODE_PERMISSION:
        '{"edit":"allow","bash":"deny","external_directory":"deny","doom_loop":"deny"}',
    });
    expect(plan.stdin).toBe("prompt.md");
    expect(plan.warnings.join()).toContain("opencode has no sandbox");
  });

  test("gives its servers in a file, with every secret in it", () => {
    const plan = opencodeHarness.plan({ ...REQUEST, mcpServers: SERVERS });
    expect(configOf(plan)).toEqual({
      autoupdate: false,
      share: "disabled",
      snapshot: false,
      mcp: {
        corral: {
          type: "remote",
          url: "http://127.0.0.1:4100/mcp",
          headers: { Authorization: "Bearer s3cr3t-token" },
          oauth: false,
          enabled: true,
          timeout: 60_000,
        },
        files: {
          type: "local",
          command: ["files-mcp", "--root", "."],
          environment: { FILES_KEY: "s3cr3t-env" },
          enabled: true,
          timeout: 60_000,
        },
        web: {
          type: "remote",
          url: "https://mcp.example.com/mcp",
          headers: { "X-Key": "s3cr3t-header" },
          oauth: false,
          enabled: true,
          timeout: 60_000,
        },
      },
    });
    expect(JSON.stringify([plan.argv, plan.env, plan.fixedEnv])).not.toContain("s3cr3t");
  });

  test("keeps a configuration that the user has named", () => {
    const environment = { HOME: "/home/dev", OPENCODE_CONFIG: "/etc/opencode.json" };
    expect(opencodeHarness.userFiles?.(environment)).toEqual(["/etc/opencode.json"]);
    const userFiles = { "/etc/opencode.json": '{"model":"x/y","autoupdate":true}' };
    const plan = opencodeHarness.plan({ ...REQUEST, environment, userFiles });
    expect(configOf(plan)).toMatchObject({ model: "x/y", autoupdate: false });
    const broken = opencodeHarness.plan({
      ...REQUEST,
      environment,
      userFiles: { "/etc/opencode.json": "{" },
    });
    expect(broken.warnings.join()).toContain("OPENCODE_CONFIG");
  });

  test("its modes deny in the environment, where no project can lift it", () => {
    const mode = (permissionMode: "plan" | "skip") =>
      opencodeHarness.plan({ ...REQUEST, permissionMode });
    expect(mode("plan").fixedEnv).toHaveProperty(
      "OPENCODE_PERMISSION",
      expect.stringContaining('"edit":"deny"'),
    );
    expect(mode("plan").argv).not.toContain("--auto");
    expect(mode("skip").argv.at(-1)).toBe("--auto");
    expect(mode("skip").warnings.join()).toContain("asks nobody");
  });
});

describe("captured streams", () => {
  // Frozen by hand from what the observer saw, not from what the code says.
  const FAILED =
    /^(sig-|group-|mcpcall-|orphanwork-|sticky-(?!exit)|tmux-(exec|kill)|f401|f429|drop|hang|deadmodel)/;

  judgedAsSeen(opencodeHarness, FAILED, 30);

  test("the events of a run that ended well, in order", () => {
    const events = linesOf("happy").flatMap((line) => opencodeHarness.events(line));
    const step = ["started", "tool_call", "tool_result", "usage"];
    expect(events.map(({ type }) => type)).toEqual([
      "started",
      "text",
      ...step.slice(1),
      ...step,
      ...step,
      ...step,
      "started",
      "text",
      "usage",
      "result",
    ]);
    expect(outcomeOf(opencodeHarness, linesOf("happy"))).toMatchObject({
      sessionId: "ses_dfbd0ba5cffed4I3L5m6h32yIC",
      lastText: "All scripted work is done.",
      usage: { input_tokens: 500, cached_tokens: 0, output_tokens: 100, cost_usd: 0, turns: 5 },
    });
  });

  test("a refused key says how to log in", () => {
    expect(judged("f401", 1).reason).toBe(
      "exited with code 1 without a result; not logged in: run `opencode auth login`, or set your provider's key for the daemon",
    );
  });
});

describe("lines that were not captured", () => {
  const events = (value: object) => opencodeHarness.events(JSON.stringify(value));
  const tool = (state: object) => ({
    type: "tool_use",
    part: { tool: "bash", callID: "c", state },
  });

  test("a refused question is a denied call", () => {
    const error = "The user rejected permission to use this specific tool call.";
    expect(events(tool({ status: "error", input: {}, error })).map(({ type }) => type)).toEqual([
      "tool_call",
      "permission_needed",
      "tool_result",
    ]);
  });

  test("a run that stops behind a refused call has no result", () => {
    const lines = [
      tool({
        status: "error",
        error: "The user rejected permission to use this specific tool call.",
      }),
      { type: "step_finish", part: { reason: "tool-calls", tokens: { input: 1, output: 1 } } },
    ].map((value) => JSON.stringify(value));
    const outcome = outcomeOf(opencodeHarness, lines);
    expect(outcome).toMatchObject({ result: null, denials: 1 });
    expect(opencodeHarness.judge({ code: 0, signal: null }, outcome)).toEqual({
      ok: false,
      reason: "ended without a result; 1 tool call was denied",
    });
  });

  test("a command that fails is a failed call, though the tool itself did its work", () => {
    const [, result] = events(tool({ status: "completed", output: "no", metadata: { exit: 2 } }));
    expect(result).toMatchObject({ type: "tool_result", isError: true });
  });

  test("an answer that was cut short is no success", () => {
    const lines = [JSON.stringify({ type: "step_finish", part: { reason: "length" } })];
    expect(
      opencodeHarness.judge({ code: 0, signal: null }, outcomeOf(opencodeHarness, lines)),
    ).toMatchObject({ ok: false, reason: expect.stringContaining("output limit") });
  });

  test("stderr tells of retries, and of nothing else", () => {
    const line = (message: string) =>
      `timestamp=2026-11-25T22:20:30.683Z level=ERROR run=755ed2d8 message="stream error" providerID=fake error.error="AI_APICallError: ${message}"`;
    const told = (text: string) => opencodeHarness.stderrEvents?.(text) ?? [];
    expect(told(line("scripted 429"))[0]).toMatchObject({ type: "rate_limited" });
    expect(told(line("Unauthorized"))[0]).toMatchObject({ type: "retry" });
    expect(told("timestamp=2026 level=INFO message=401")).toEqual([]);
    expect(told("something else 429")).toEqual([]);
  });

  test("unknown kinds pass through, and any text is taken", () => {
    const raw = { type: "new_thing" };
    expect(events(raw)).toEqual([{ type: "unknown", raw }]);
    const shaped = fc.record({
      type: fc.constantFrom("step_start", "text", "tool_use", "step_finish", "error", "reasoning"),
      part: fc.oneof(fc.jsonValue(), fc.record({ state: fc.jsonValue(), tokens: fc.jsonValue() })),
      error: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), shaped), (value) => {
        const line = typeof value === "string" ? value : JSON.stringify(value);
        opencodeHarness.events(line);
        opencodeHarness.stderrEvents?.(line);
      }),
    );
  });
});
