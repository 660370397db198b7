/**
 * Claude Code (`claude -p`), as of 2.1.
 *
 * The prompt goes in by stdin and the token by a 0600 file, so neither shows in `ps`. Stdin stays open
 * for messages (`--input-format stream-json`). Then the CLI does not end after its result before
 * somebody closes it: its own Stop hook does, and where its user has turned hooks off it gets a plain
 * prompt instead. See docs/adr/0042-streaming-input.md.
 */
import { type MessageId, messageUuid } from "../kernel/ids.ts";
import { claudeEvents } from "./claude-stream.ts";
import { CLAUDE_ENV_ALLOW } from "./env.ts";
import type { Environment, Harness, HarnessRequest, LaunchPlan } from "./harness.ts";
import { choice, jsonFile, parseSettings, PROMPT_FILE, serversOf, skipWarning } from "./options.ts";
import { verdictOf } from "./verdict.ts";

const MCP_FILE = "mcp.json";
/** The prompt as the first line of its input. */
const INPUT_FILE = "prompt.jsonl";
const SETTINGS_FILE = "settings.json";

/** Where an administrator's settings lie, which count before the user's. */
const MANAGED_SETTINGS: readonly string[] = [
  "/etc/claude-code/managed-settings.json",
  "/Library/Application Support/ClaudeCode/managed-settings.json",
];
/** How long the hook that closes its input may take. Seconds. */
const HOOK_MOST_S = 10;
const NO_HOOKS =
  "Hooks are turned off in your settings of Claude Code, so messages reach this agent with the answer of its next report, not at once.";

/** Tools that change files; denied by name, so that no rule in the user's settings lets them through. */
const CHANGING_TOOLS = "Edit,Write,NotebookEdit";

/** The tools that only read; what else is allowed follows the permission mode. */
const READING_TOOLS = ["Read", "Glob", "Grep"];

/** Its result when it has stopped at `--max-budget-usd`. */
const OVER_BUDGET = /^error_max_budget_usd:?(.*)$/s;

const LOGIN = "run `claude` once and log in, or set ANTHROPIC_API_KEY for the daemon";

export const claudeHarness: Harness = {
  name: "claude",
  program: "claude",
  installHint: 'Install Claude Code with "npm install -g @anthropic-ai/claude-code".',
  login: LOGIN,
  toolPrefix: "mcp__corral__",
  userFiles: (environment, cwd) => [
    `${userHome(environment)}/settings.json`,
    ...MANAGED_SETTINGS,
    ...(cwd === undefined
      ? []
      : [`${cwd}/.claude/settings.json`, `${cwd}/.claude/settings.local.json`]),
  ],
  inputLine: (id, text) => inputLine(text, id),
  resume: {
    // It keeps the total of a session when it ends by itself, and begins there the next time.
    counts: "finished-runs",
    place: ({ session, environment }) => ({
      root: `${userHome(environment)}/projects`,
      nameEnds: session,
      extensions: [".jsonl"],
      carryTo: null,
    }),
  },
  plan,
  events: claudeEvents,
  judge(exit, outcome) {
    const verdict = verdictOf(exit, outcome, { login: LOGIN });
    const [, said] = OVER_BUDGET.exec(outcome.result?.text ?? "") ?? [];
    if (said === undefined) return verdict;
    return { ok: false, reason: `it has spent its budget and stopped itself (${said.trim()})` };
  },
};

function plan(request: HarnessRequest): LaunchPlan {
  const permissions = permissionsOf(request);
  const input = hasHooks(request) ? withInput(request) : withoutInput(request);
  return {
    argv: [
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      ...input.argv,
      "--mcp-config",
      `${request.directory}/${MCP_FILE}`,
      "--strict-mcp-config",
      ...choice("--resume", request.session ?? null),
      ...choice("--model", request.model),
      ...choice("--effort", request.effort),
      ...choice("--max-budget-usd", request.maxCostUsd?.toString() ?? null),
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
    files: [...input.files, { name: MCP_FILE, text: mcpConfig(request), kind: "agent_config" }],
    ...input.stdin,
    warnings: [...permissions.warnings, ...input.warnings],
  };
}

interface Input {
  readonly argv: readonly string[];
  readonly files: LaunchPlan["files"];
  readonly stdin: Pick<LaunchPlan, "stdin" | "hasInput">;
  readonly warnings: readonly string[];
}

function withInput({ directory, endInput, prompt }: HarnessRequest): Input {
  const replay = ["--input-format", "stream-json", "--replay-user-messages"];
  const hook = [{ hooks: [{ type: "command", command: endInput, timeout: HOOK_MOST_S }] }];
  // Stop: its turn is over; StopFailure: it is over because the model could not be had.
  const settings = { hooks: { Stop: hook, StopFailure: hook } };
  return {
    argv: [...replay, "--settings", `${directory}/${SETTINGS_FILE}`],
    files: [
      { name: INPUT_FILE, text: inputLine(prompt), kind: "prompt_file" },
      { name: SETTINGS_FILE, text: jsonFile(settings), kind: "agent_config" },
    ],
    stdin: { stdin: INPUT_FILE, hasInput: true },
    warnings: [],
  };
}

function withoutInput({ prompt }: HarnessRequest): Input {
  return {
    argv: [],
    files: [{ name: PROMPT_FILE, text: prompt, kind: "prompt_file" }],
    stdin: { stdin: PROMPT_FILE },
    warnings: [NO_HOOKS],
  };
}

/** False when one of the settings that count turns hooks off, ours with them. */
function hasHooks({ userFiles }: HarnessRequest): boolean {
  return !Object.entries(userFiles).some(([path, text]) => {
    const settings = text === null ? null : parseSettings(text);
    const isManagedOnly =
      MANAGED_SETTINGS.includes(path) && settings?.["allowManagedHooksOnly"] === true;
    return isManagedOnly || settings?.["disableAllHooks"] === true;
  });
}

/** A user message as a line; with the UUID of a message its stream tells what becomes of it. */
function inputLine(text: string, id?: MessageId): string {
  const message = { role: "user", content: [{ type: "text", text }] };
  const uuid = id === undefined ? {} : { uuid: messageUuid(id) };
  const line = { type: "user", message, parent_tool_use_id: null, session_id: "", ...uuid };
  return `${JSON.stringify(line)}\n`;
}

type Permissions = Pick<LaunchPlan, "argv" | "env" | "warnings">;

function permissionsOf(request: HarnessRequest): Permissions {
  const { permissionMode, isRoot } = request;
  if (permissionMode !== "skip") {
    // Who deploys an agent with a server has allowed its tools: nobody can be asked later.
    const servers = Object.keys(serversOf(request)).map((name) => `mcp__${name}`);
    const allowed = ["--allowedTools", [...servers, ...READING_TOOLS].join(",")];
    return { argv: [...MODES[permissionMode], ...allowed], env: {}, warnings: [] };
  }
  const argv = ["--dangerously-skip-permissions"];
  const warnings = [skipWarning("Claude Code")];
  if (!isRoot) return { argv, env: {}, warnings };
  return {
    argv,
    // As root Claude Code refuses to skip its checks unless it is told that this is a sandbox.
    env: { IS_SANDBOX: "1" },
    warnings: [
      ...warnings,
      "Corral runs as root: IS_SANDBOX=1 is set, for Claude Code refuses otherwise.",
    ],
  };
}

/**
 * Claude's own plan mode refuses every MCP tool that is not read-only, so an agent in it could not
 * report. Asking nobody and changing no files comes to the same, and leaves it its voice.
 */
const MODES = {
  default: ["--permission-mode", "acceptEdits"],
  plan: ["--permission-mode", "dontAsk", "--disallowedTools", CHANGING_TOOLS],
} as const;

function mcpConfig(request: HarnessRequest): string {
  const servers = Object.entries(serversOf(request)).map(([name, server]) => {
    const type = "url" in server ? "http" : "stdio";
    return [name, { type, ...server }] as const;
  });
  return jsonFile({ mcpServers: Object.fromEntries(servers) });
}

function userHome(environment: Environment): string {
  return environment["CLAUDE_CONFIG_DIR"] ?? `${environment["HOME"] ?? ""}/.claude`;
}
