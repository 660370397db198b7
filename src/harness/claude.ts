/**
 * Claude Code (`claude -p`), as of 2.1.
 *
 * The prompt goes in by stdin and the token by a 0600 file, so neither shows in `ps`.
 */
import { Fault } from "../kernel/fault.ts";
import { claudeEvents } from "./claude-stream.ts";
import { describeExit, endingSignal } from "./endings.ts";
import { CLAUDE_ENV_ALLOW } from "./env.ts";
import type { ExitFacts, Harness, HarnessRequest, LaunchPlan, StreamOutcome } from "./harness.ts";

const PROMPT_FILE = "prompt.md";
const MCP_FILE = "mcp.json";
/** Name of our server in the agent's MCP configuration: its tools are `mcp__corral__<tool>`. */
const MCP_SERVER = "corral";

/** Tools that change files; denied by name, so that no rule in the user's settings lets them through. */
const CHANGING_TOOLS = "Edit,Write,NotebookEdit";

/** Every tool of our server, and the tools that only read; the rest follows the permission mode. */
const ALLOWED_TOOLS = [`mcp__${MCP_SERVER}`, "Read", "Glob", "Grep"].join(",");

const NOT_LOGGED_IN =
  "not logged in: run `claude` once and log in, or set ANTHROPIC_API_KEY for the daemon";

export const claudeHarness: Harness = {
  name: "claude",
  program: "claude",
  installHint: 'Install Claude Code with "npm install -g @anthropic-ai/claude-code".',
  plan,
  events: claudeEvents,
  judge,
};

function plan(request: HarnessRequest): LaunchPlan {
  const permissions = permissionsOf(request);
  return {
    argv: [
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--mcp-config",
      `${request.directory}/${MCP_FILE}`,
      "--strict-mcp-config",
      ...choice("--model", request.model),
      ...choice("--effort", request.effort),
      ...permissions.argv,
    ],
    env: {
      // An agent that replaces its own program while others run it is nobody's wish.
      DISABLE_AUTOUPDATER: "1",
      // A live background shell would hold `claude -p` for 600 s after its result.
      CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
      ...permissions.env,
    },
    envAllow: CLAUDE_ENV_ALLOW,
    files: [
      { name: PROMPT_FILE, text: request.prompt, kind: "prompt_file" },
      { name: MCP_FILE, text: mcpConfig(request), kind: "agent_config" },
    ],
    stdin: PROMPT_FILE,
    warnings: permissions.warnings,
  };
}

type Permissions = Pick<LaunchPlan, "argv" | "env" | "warnings">;

function permissionsOf({ permissionMode, isRoot }: HarnessRequest): Permissions {
  if (permissionMode !== "skip") {
    // Claude's own plan mode refuses every MCP tool that is not read-only, so an agent in it could
    // not report. Asking nobody and changing no files comes to the same, and leaves it its voice.
    const mode =
      permissionMode === "plan"
        ? ["--permission-mode", "dontAsk", "--disallowedTools", CHANGING_TOOLS]
        : ["--permission-mode", "acceptEdits"];
    return { argv: [...mode, "--allowedTools", ALLOWED_TOOLS], env: {}, warnings: [] };
  }
  const argv = ["--dangerously-skip-permissions"];
  if (!isRoot) return { argv, env: {}, warnings: [] };
  return {
    argv,
    // As root Claude Code refuses to skip its checks unless it is told that this is a sandbox.
    env: { IS_SANDBOX: "1" },
    warnings: [
      'Corral runs as root, and permission_mode "skip" sets IS_SANDBOX=1: the agent may do anything on this machine.',
    ],
  };
}

function choice(flag: string, value: string | null): readonly string[] {
  if (value === null) return [];
  if (value.startsWith("-")) {
    throw new Fault("INPUT_INVALID", `"${value}" is no value for ${flag}.`, {
      hint: "Give a name that does not start with a dash.",
      details: { flag, value },
    });
  }
  return [flag, value];
}

function mcpConfig({ mcp }: HarnessRequest): string {
  const headers = { Authorization: `Bearer ${mcp.token}` };
  const servers = { [MCP_SERVER]: { type: "http", url: mcp.url, headers } };
  return `${JSON.stringify({ mcpServers: servers }, null, 2)}\n`;
}

function judge(
  exit: ExitFacts,
  outcome: StreamOutcome,
): { readonly ok: boolean; readonly reason: string } {
  const { result } = outcome;
  if (result === null) return { ok: false, reason: withoutResult(exit, outcome) };
  if (result.isError) return { ok: false, reason: failed(exit, result.text) };
  return succeeded(exit, result.permissionDenials);
}

/** The exit code alone proves nothing: an interrupted run exits 0 as well. */
function succeeded(exit: ExitFacts, denials: number): ReturnType<Harness["judge"]> {
  const denied =
    denials === 0 ? "" : `; ${denials} tool ${denials === 1 ? "call was" : "calls were"} denied`;
  if (exit.code === 0) return { ok: true, reason: `completed${denied}` };
  // The result was out before the signal came, so the work itself was finished.
  if (endingSignal(exit) !== null) {
    return { ok: true, reason: `completed${denied}, then ${describeExit(exit)}` };
  }
  return { ok: false, reason: `${describeExit(exit)} after a successful result${denied}` };
}

function failed(exit: ExitFacts, text: string): string {
  const cause = knownCause(text) ?? text;
  return exit.code === 0 || exit.code === 1 ? cause : `${cause}; ${describeExit(exit)}`;
}

function withoutResult(exit: ExitFacts, { lastError, sessionId }: StreamOutcome): string {
  const how = exit.code === 0 ? "ended without a result" : `${describeExit(exit)} without a result`;
  if (lastError !== null) return `${how}; ${knownCause(lastError) ?? `last error: ${lastError}`}`;
  return sessionId === null ? `${how}, before its first word: its stderr says why` : how;
}

function knownCause(text: string): string | null {
  const auth =
    /authentication_(failed|error)|invalid (api key|bearer token)|please run \/login|not logged in/i;
  if (auth.test(text)) return NOT_LOGGED_IN;
  if (/rate_?limit|\b429\b|usage limit|hit your limit/i.test(text)) {
    return `rate limited by the model's provider (${text})`;
  }
  return null;
}
