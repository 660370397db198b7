import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codexHarness } from "../../../src/harness/codex.ts";
import { captured, judgedAsSeen, outcomeOf, REQUEST, SERVERS } from "./streams.ts";

const { linesOf } = captured("codex");
const judged = (name: string, code: number | null, signal: string | null = null) =>
  codexHarness.judge({ code, signal }, outcomeOf(codexHarness, linesOf(name)));

describe("the launch plan", () => {
  test("is this command line, in a home of the agent's own", () => {
    const plan = codexHarness.plan({ ...REQUEST, model: "gpt-6", effort: "max" });
    expect(plan.argv).toEqual([
      "codex",
      "exec",
      "--json",
      "--skip-git-repo-check",
      "--profile",
      "corral",
      "--model",
      "gpt-6",
      "--sandbox",
      "workspace-write",
      "-",
    ]);
    expect(plan.fixedEnv).toEqual({ CODEX_HOME: "/home/dev/agents/a/codex" });
    expect(plan.stdin).toBe("prompt.md");
    expect(plan.warnings).toEqual(['Codex knows no effort "max": it works with "xhigh".']);
  });

  test("lays its servers over the user's configuration, with every secret in a file", () => {
    const plan = codexHarness.plan({ ...REQUEST, effort: "high", mcpServers: SERVERS });
    const profile = plan.files.find(({ name }) => name === "codex/corral.config.toml");
    expect(profile?.kind).toBe("agent_config");
    expect(profile?.text).toBe(`model_reasoning_effort = "high"
check_for_update_on_startup = false

[mcp_servers]

[mcp_servers.corral]
url = "http://127.0.0.1:4100/mcp"
default_tools_approval_mode = "approve"
startup_timeout_sec = 60

[mcp_servers.corral.http_headers]
Authorization = "Bearer s3cr3t-token"

[mcp_servers.files]
command = "files-mcp"
args = ["--root", "."]
default_tools_approval_mode = "approve"
startup_timeout_sec = 60

[mcp_servers.files.env]
FILES_KEY = "s3cr3t-env"

[mcp_servers.web]
url = "https://mcp.example.com/mcp"
default_tools_approval_mode = "approve"
startup_timeout_sec = 60

[mcp_servers.web.http_headers]
X-Key = "s3cr3t-header"
`);
    expect(JSON.stringify([plan.argv, plan.env, plan.fixedEnv])).not.toContain("s3cr3t");
  });

  test("links the user's login and configuration, wherever the user has moved them", () => {
    const environment = { HOME: "/home/dev", CODEX_HOME: "/etc/codex" };
    const { links } = codexHarness.plan({ ...REQUEST, environment });
    expect(links).toContainEqual({ name: "codex/auth.json", target: "/etc/codex/auth.json" });
    const { links: usual } = codexHarness.plan(REQUEST);
    expect(usual).toContainEqual({
      name: "codex/config.toml",
      target: "/home/dev/.codex/config.toml",
    });
  });

  test("takes over the key that the user's own provider is configured with", () => {
    const config =
      '[model_providers.x]\nbase_url = "u"\nenv_key = "MISTRAL_KEY"\n# env_key = "NO"\n';
    const [path = ""] = codexHarness.userFiles?.(REQUEST.environment) ?? [];
    const plan = codexHarness.plan({ ...REQUEST, userFiles: { [path]: config } });
    expect(plan.envAllow).toContain("MISTRAL_KEY");
    expect(plan.envAllow).not.toContain("NO");
  });

  test("its modes are sandboxes, and none only where that was asked for", () => {
    const mode = (permissionMode: "plan" | "skip") =>
      codexHarness.plan({ ...REQUEST, permissionMode });
    expect(mode("plan").argv).toContain("read-only");
    expect(mode("skip").argv).toContain("--dangerously-bypass-approvals-and-sandbox");
    expect(mode("skip").argv).not.toContain("--sandbox");
    expect(mode("skip").warnings.join()).toContain("no sandbox");
  });
});

describe("captured streams", () => {
  // Frozen by hand from what the observer saw, not from what the code says.
  // "orphanwork-KILL": its native process went on and told its result after the first was killed.
  const FAILED =
    /^(sig-|group-|native-|mcpcall-|orphanwork-TERM|sticky-(?!exit)|tmux-(exec|kill)|f401|f429|drop|hang|deadmodel)/;

  judgedAsSeen(codexHarness, FAILED, 33);

  test("the events of a run that ended well, in order", () => {
    const events = linesOf("happy").flatMap((line) => codexHarness.events(line));
    expect(events.map(({ type }) => type)).toEqual([
      "started",
      "plain",
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
      "usage",
      "result",
    ]);
    expect(events[3]).toMatchObject({ id: "item_2", name: "mcp__feas__update_agent_progress" });
    expect(events[4]).toEqual({
      type: "tool_result",
      id: "item_2",
      text: "recorded working 10% for AGENT-42",
      isError: false,
    });
    expect(events[5]).toMatchObject({ name: "shell" });
    expect(outcomeOf(codexHarness, linesOf("happy"))).toMatchObject({
      sessionId: "01a20424-3d5f-7163-9924-404703f18952",
      lastText: "All scripted work is done.",
      usage: { input_tokens: 500, cached_tokens: 0, output_tokens: 100, cost_usd: null, turns: 1 },
    });
  });

  test("failures say what to do", () => {
    expect(judged("f401", 1).reason).toBe(
      "not logged in: run `codex login`, or set CODEX_API_KEY for the daemon",
    );
    expect(judged("f429", 1).reason).toMatch(/^rate limited by the model's provider \(exceeded/);
    expect(judged("drop", 1).reason).toMatch(/^the model's end point does not answer/);
    expect(judged("sig-INT", 1).reason).toMatch(/^exited with code 1 without a result/);
  });

  test("retries are told with their number", () => {
    const retries = linesOf("f401")
      .flatMap((line) => codexHarness.events(line))
      .filter(({ type }) => type === "retry");
    expect(retries).toHaveLength(5);
    expect(retries[4]).toMatchObject({ attempt: 5, error: expect.stringContaining("401") });
    const waiting = linesOf("deadmodel").flatMap((line) => codexHarness.events(line));
    expect(waiting.filter(({ type }) => type === "retry").length).toBeGreaterThan(2);
  });
});

describe("lines that were not captured", () => {
  const events = (value: object) => codexHarness.events(JSON.stringify(value));

  test("a declined command is a denied call", () => {
    const item = { id: "i", type: "command_execution", command: "rm -rf /", status: "declined" };
    expect(events({ type: "item.completed", item }).map(({ type }) => type)).toEqual([
      "permission_needed",
      "tool_result",
    ]);
  });

  test("a changed file is a call and its result, once", () => {
    const item = {
      id: "i",
      type: "file_change",
      status: "completed",
      changes: [{ path: "a.txt", kind: "update" }],
    };
    expect(events({ type: "item.started", item })).toEqual([]);
    const [call, result] = events({ type: "item.completed", item });
    expect(call).toMatchObject({ type: "tool_call", name: "apply_patch" });
    expect(result).toMatchObject({ type: "tool_result", text: "update a.txt", isError: false });
  });

  test("a rate limit in the middle of retries is one, with its time", () => {
    const message = "Reconnecting... 1/5 (429 Too Many Requests, try again in 20s)";
    expect(events({ type: "error", message })).toEqual([
      {
        type: "rate_limited",
        message: "429 Too Many Requests, try again in 20s",
        attempt: 1,
        until: null,
        waitMs: 20_000,
      },
    ]);
  });

  test("unknown kinds pass through, and any text is taken", () => {
    const raw = { type: "item.started", item: { id: "x", type: "new_thing" } };
    expect(events(raw)).toEqual([{ type: "unknown", raw }]);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (line) => {
        codexHarness.events(line);
      }),
    );
    const shaped = fc.record({
      type: fc.constantFrom(
        "item.completed",
        "item.started",
        "error",
        "turn.failed",
        "turn.completed",
      ),
      item: fc.oneof(
        fc.jsonValue(),
        fc.record({
          type: fc.constantFrom("mcp_tool_call", "command_execution", "file_change", "todo_list"),
          result: fc.jsonValue(),
          changes: fc.jsonValue(),
          items: fc.jsonValue(),
          error: fc.jsonValue(),
        }),
      ),
      error: fc.jsonValue(),
      message: fc.jsonValue(),
      usage: fc.jsonValue(),
    });
    fc.assert(fc.property(shaped, (value) => void events(value)));
  });
});
