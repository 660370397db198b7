/**
 * Codex (`codex exec`), as of 0.169.
 *
 * Each agent has a CODEX_HOME of its own, in which the user's login and configuration are links,
 * and what Corral adds is a profile laid over that configuration. So a login that Codex renews is
 * renewed for the user, and nothing of the agent is left in the user's home.
 */
import { codexEvents } from "./codex-stream.ts";
import { CODEX_ENV_ALLOW } from "./env.ts";
import type { Environment, Harness, HarnessRequest, LaunchPlan, McpServer } from "./harness.ts";
import { choice, MCP_START_S, PROMPT_FILE, serversOf, skipWarning } from "./options.ts";
import { toml } from "./toml.ts";
import { verdictOf } from "./verdict.ts";

const HOME = "codex";
/** Its conversations, each a file that is named after its id. */
const SESSIONS = `${HOME}/sessions`;
/** Codex lays `$CODEX_HOME/<profile>.config.toml` over `config.toml`. */
const PROFILE = "corral";

/** What Codex finds of the user's in the agent's home. */
const LINKED = ["auth.json", "config.toml", "AGENTS.md", "rules", "prompts"];

const LOGIN = "run `codex login`, or set CODEX_API_KEY for the daemon";

export const codexHarness: Harness = {
  name: "codex",
  program: "codex",
  installHint: 'Install Codex with "npm install -g @openai/codex".',
  login: LOGIN,
  toolPrefix: "",
  userFiles: (environment) => [`${userHome(environment)}/config.toml`],
  resume: {
    counts: "conversation",
    place: ({ session, directory }) => ({
      root: `${directory}/${SESSIONS}`,
      nameEnds: `-${session}`,
      extensions: [".jsonl", ".jsonl.zst"],
      carryTo: SESSIONS,
    }),
  },
  plan,
  events: codexEvents,
  judge: (exit, outcome) =>
    verdictOf(exit, outcome, {
      login: LOGIN,
    }),
};

function plan(request: HarnessRequest): LaunchPlan {
  const { directory, environment, permissionMode, userFiles } = request;
  const user = userHome(environment);
  return {
    argv: [
      "codex",
      "exec",
      "--json",
      "--skip-git-repo-check",
      "--profile",
      PROFILE,
      ...choice("--model", request.model),
      ...PERMISSIONS[permissionMode],
      ...resumed(request),
      // The prompt comes by stdin: Codex reads it to its end in any case.
      "-",
    ],
    env: {},
    fixedEnv: { CODEX_HOME: `${directory}/${HOME}` },
    envAllow: [...CODEX_ENV_ALLOW, ...keysOf(userFiles[`${user}/config.toml`] ?? "")],
    files: [
      { name: PROMPT_FILE, text: request.prompt, kind: "prompt_file" },
      { name: `${HOME}/${PROFILE}.config.toml`, text: profileOf(request), kind: "agent_config" },
    ],
    links: LINKED.map((name) => ({ name: `${HOME}/${name}`, target: `${user}/${name}` })),
    stdin: PROMPT_FILE,
    warnings: warningsOf(request),
  };
}

/** Its subcommand knows fewer options than `exec`: they stand before it. */
function resumed({ session }: HarnessRequest): readonly string[] {
  return choice("resume", session ?? null);
}

const PERMISSIONS = {
  default: ["--sandbox", "workspace-write"],
  plan: ["--sandbox", "read-only"],
  skip: ["--dangerously-bypass-approvals-and-sandbox"],
} as const satisfies Record<HarnessRequest["permissionMode"], readonly string[]>;

function warningsOf({ effort, permissionMode }: HarnessRequest): readonly string[] {
  return [
    ...(permissionMode === "skip" ? [skipWarning("Codex")] : []),
    ...(effort === "max" ? ['Codex knows no effort "max": it works with "xhigh".'] : []),
  ];
}

function profileOf(request: HarnessRequest): string {
  const effort = request.effort === "max" ? "xhigh" : request.effort;
  const servers = Object.entries(serversOf(request)).map(
    ([name, server]) => [name, serverOf(server)] as const,
  );
  return toml({
    ...(effort === null ? {} : { model_reasoning_effort: effort }),
    check_for_update_on_startup: false,
    mcp_servers: Object.fromEntries(servers),
  });
}

/** Who deploys an agent with a server has approved its tools: nobody can be asked later. */
function serverOf(server: McpServer) {
  const approved = { default_tools_approval_mode: "approve", startup_timeout_sec: MCP_START_S };
  return "url" in server
    ? { url: server.url, http_headers: server.headers, ...approved }
    : { command: server.command, args: server.args, env: server.env, ...approved };
}

/** Names of the variables in which the user's own providers expect their keys. */
function keysOf(config: string): readonly string[] {
  return [...config.matchAll(/^\s*env_key\s*=\s*["']([A-Za-z_]\w*)["']/gm)].map(
    ([, name]) => name ?? "",
  );
}

function userHome(environment: Environment): string {
  return environment["CODEX_HOME"] ?? `${environment["HOME"] ?? ""}/.codex`;
}
