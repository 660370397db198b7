/**
 * opencode (`opencode run`), as of 1.18.
 *
 * It works in the user's own home, where its logins and its sessions are; what Corral adds is a
 * 0600 configuration file of the agent's own, laid over the user's (OPENCODE_CONFIG), and its
 * permissions, which no configuration of a project can lift.
 */
import { SECOND_MS } from "../kernel/units.ts";
import { OPENCODE_ENV_ALLOW } from "./env.ts";
import type { Harness, HarnessRequest, LaunchPlan, McpServer } from "./harness.ts";
import { asObject, type JsonObject } from "./json.ts";
import { opencodeEvents, opencodeStderrEvents } from "./opencode-stream.ts";
import {
  choice,
  jsonFile,
  MCP_START_S,
  parseSettings,
  PROMPT_FILE,
  serversOf,
  skipWarning,
} from "./options.ts";
import { verdictOf } from "./verdict.ts";

const CONFIG = "opencode.json";

const LOGIN = "run `opencode auth login`, or set your provider's key for the daemon";

export const opencodeHarness: Harness = {
  name: "opencode",
  program: "opencode",
  installHint: 'Install opencode with "npm install -g opencode-ai".',
  login: LOGIN,
  toolPrefix: "corral_",
  hidesCalls: true,
  userFiles: ({ OPENCODE_CONFIG: path }) => (path === undefined ? [] : [path]),
  // Its sessions are rows of one database of the user's, which only opencode itself reads.
  resume: { counts: "run", place: () => null },
  plan,
  events: opencodeEvents,
  stderrEvents: opencodeStderrEvents,
  judge: (exit, outcome) =>
    verdictOf(exit, outcome, {
      login: LOGIN,
    }),
};

function plan(request: HarnessRequest): LaunchPlan {
  const { directory, environment, permissionMode, userFiles } = request;
  const text = userFiles[environment["OPENCODE_CONFIG"] ?? ""] ?? null;
  const user = text === null ? {} : parseSettings(text);
  return {
    argv: [
      "opencode",
      "run",
      "--format",
      "json",
      // A failing model is retried in silence: only its log tells, on stderr.
      "--print-logs",
      "--log-level",
      "WARN",
      ...choice("--model", request.model),
      ...choice("--variant", request.effort),
      ...(permissionMode === "skip" ? ["--auto"] : []),
      ...choice("--session", request.session ?? null),
    ],
    env: {
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    },
    fixedEnv: {
      OPENCODE_CONFIG: `${directory}/${CONFIG}`,
      OPENCODE_PERMISSION: JSON.stringify(PERMISSIONS[permissionMode]),
    },
    envAllow: OPENCODE_ENV_ALLOW,
    files: [
      { name: PROMPT_FILE, text: request.prompt, kind: "prompt_file" },
      { name: CONFIG, text: jsonFile(configOf(user ?? {}, request)), kind: "agent_config" },
    ],
    stdin: PROMPT_FILE,
    warnings: warningsOf(request, user === null),
  };
}

/**
 * What is denied is not offered to the model. To ask would be worse: nobody answers, and a refused
 * question ends the run without a word.
 */
const PERMISSIONS = {
  default: { edit: "allow", bash: "deny", external_directory: "deny", doom_loop: "deny" },
  plan: { edit: "deny", bash: "deny", external_directory: "deny", doom_loop: "deny" },
  skip: { "*": "allow" },
} as const satisfies Record<HarnessRequest["permissionMode"], JsonObject>;

function warningsOf({ permissionMode }: HarnessRequest, isUnreadable: boolean): readonly string[] {
  const unreadable = "Your OPENCODE_CONFIG is no JSON: the agent runs without it.";
  return [
    ...(permissionMode === "skip" ? [skipWarning("opencode")] : []),
    ...(permissionMode === "default"
      ? ["opencode has no sandbox: in this permission_mode it may edit files and run no commands."]
      : []),
    ...(isUnreadable ? [unreadable] : []),
  ];
}

function configOf(user: JsonObject, request: HarnessRequest): JsonObject {
  const servers = Object.entries(serversOf(request)).map(
    ([name, server]) => [name, serverOf(server)] as const,
  );
  return {
    ...user,
    autoupdate: false,
    share: "disabled",
    // A git repository of snapshots per project would outlive the agent.
    snapshot: false,
    mcp: { ...asObject(user["mcp"]), ...Object.fromEntries(servers) },
  };
}

function serverOf(server: McpServer): JsonObject {
  const timeout = MCP_START_S * SECOND_MS;
  return "url" in server
    ? {
        type: "remote",
        url: server.url,
        headers: server.headers,
        oauth: false,
        enabled: true,
        timeout,
      }
    : {
        type: "local",
        command: [server.command, ...server.args],
        environment: server.env,
        enabled: true,
        timeout,
      };
}
