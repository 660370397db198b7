/**
 * Gemini CLI, as of 0.61.
 *
 * Each agent has a home of its own (GEMINI_CLI_HOME): the user's settings with Corral's laid over
 * them in a 0600 file, and the user's login as links. Its system settings would be the simpler way,
 * but Gemini reads those from folders of root only.
 */
import { endingSignal } from "./endings.ts";
import { GEMINI_ENV_ALLOW } from "./env.ts";
import { geminiEvents, geminiStderrEvents } from "./gemini-stream.ts";
import type { Environment, Harness, HarnessRequest, LaunchPlan, McpServer } from "./harness.ts";
import { asObject, type JsonObject } from "./json.ts";
import { choice, jsonFile, parseSettings, PROMPT_FILE, serversOf, skipWarning } from "./options.ts";
import { verdictOf } from "./verdict.ts";

const HOME = "gemini";
const SETTINGS = "settings.json";
/** Its conversations, by project. */
const CHATS = `${HOME}/.gemini/tmp`;

/** What Gemini finds of the user's in the agent's home: logins, keys, and what the user told every agent. */
const LINKED = [
  "oauth_creds.json",
  "google_accounts.json",
  "gemini-credentials.json",
  ".env",
  "GEMINI.md",
  "policies",
  "skills",
  "agents",
  "commands",
];

const LOGIN = "run `gemini` once and log in, or set GEMINI_API_KEY for the daemon";

export const geminiHarness: Harness = {
  name: "gemini",
  program: "gemini",
  installHint: 'Install Gemini CLI with "npm install -g @google/gemini-cli".',
  login: LOGIN,
  toolPrefix: "mcp_corral_",
  userFiles: (environment) => [`${userHome(environment)}/${SETTINGS}`],
  resume: {
    counts: "run",
    place: ({ session, directory }) => ({
      root: `${directory}/${CHATS}`,
      // A file has only the first eight digits of the id in its name.
      nameEnds: `-${session.slice(0, 8)}`,
      extensions: [".jsonl", ".json"],
      carryTo: CHATS,
    }),
  },
  plan,
  events: geminiEvents,
  stderrEvents: geminiStderrEvents,
  judge: (exit, outcome) =>
    verdictOf(exit, outcome, {
      login: LOGIN,
      // It leaves with the HTTP status, cut to a byte: 401 becomes 145.
      isPlainFailure: (code) => endingSignal({ code, signal: null }) === null,
    }),
};

function plan(request: HarnessRequest): LaunchPlan {
  const { directory, environment, permissionMode, userFiles } = request;
  const user = userHome(environment);
  const own = `${HOME}/.gemini`;
  const text = userFiles[`${user}/${SETTINGS}`] ?? null;
  const settings = text === null ? {} : parseSettings(text);
  return {
    argv: [
      "gemini",
      "--output-format",
      "stream-json",
      // Without it an untrusted folder takes the permission mode back.
      "--skip-trust",
      ...choice("--model", request.model),
      "--approval-mode",
      APPROVALS[permissionMode],
      ...choice("--resume", request.session ?? null),
    ],
    env: {
      // Its second process would go on working when the first is ended.
      GEMINI_CLI_NO_RELAUNCH: "true",
    },
    fixedEnv: { GEMINI_CLI_HOME: `${directory}/${HOME}` },
    envAllow: GEMINI_ENV_ALLOW,
    files: [
      { name: PROMPT_FILE, text: request.prompt, kind: "prompt_file" },
      {
        name: `${own}/${SETTINGS}`,
        text: jsonFile(settingsOf(settings ?? {}, request)),
        kind: "agent_config",
      },
    ],
    links: LINKED.map((name) => ({ name: `${own}/${name}`, target: `${user}/${name}` })),
    stdin: PROMPT_FILE,
    warnings: warningsOf(request, settings === null),
  };
}

/**
 * Without somebody to ask, Gemini takes away the tools that would have to be asked for. Its own
 * plan mode would take Corral's with them, and leave the agent without a voice; "default" without
 * a person comes to the same, and leaves it.
 */
const APPROVALS = {
  default: "auto_edit",
  plan: "default",
  skip: "yolo",
} as const satisfies Record<HarnessRequest["permissionMode"], string>;

function warningsOf(
  { effort, permissionMode }: HarnessRequest,
  isUnreadable: boolean,
): readonly string[] {
  return [
    ...(permissionMode === "skip" ? [skipWarning("Gemini CLI")] : []),
    ...(effort === null ? [] : ["Gemini CLI has no setting for effort: it was ignored."]),
    ...(isUnreadable
      ? ["Your settings.json of Gemini CLI is no JSON: the agent runs without it."]
      : []),
  ];
}

function settingsOf(user: JsonObject, request: HarnessRequest): JsonObject {
  const servers = Object.entries(serversOf(request)).map(
    ([name, server]) => [name, serverOf(server)] as const,
  );
  return {
    ...user,
    general: { ...asObject(user["general"]), ...NO_UPDATES },
    // A container that a Docker daemon starts is no descendant of the agent: nobody would end it.
    tools: { ...asObject(user["tools"]), sandbox: false },
    mcpServers: Object.fromEntries(servers),
  };
}

const NO_UPDATES = { enableAutoUpdate: false, enableAutoUpdateNotification: false };

/** Who deploys an agent with a server trusts it: nobody can be asked later. */
function serverOf(server: McpServer): JsonObject {
  return "url" in server
    ? { httpUrl: server.url, headers: server.headers, trust: true }
    : { command: server.command, args: server.args, env: server.env, trust: true };
}

function userHome(environment: Environment): string {
  return `${environment["GEMINI_CLI_HOME"] ?? environment["HOME"] ?? ""}/.gemini`;
}
