/** Where the real agent CLIs are, and how each runs without a network, an account or a user's HOME. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Conversation, ToolUse } from "./model-server.ts";
import { claudeEnv } from "./real-claude.ts";

const BIN = join(import.meta.dirname, "../agent-clis/node_modules/.bin");

/** The folder to put first in PATH. */
export const CLI_BIN = BIN;

export interface RealCli {
  readonly name: "claude" | "codex" | "gemini" | "opencode";
  /** What its deploys name as the model; null leaves it to the CLI's own configuration. */
  readonly model: string | null;
  /** True for a CLI that asks again when an answer was cut in the middle. */
  readonly mendsCuts: boolean;
  /** How a 401 ends, once its retries are over: its reason holds this. */
  readonly login: string;
  /**
   * Configures it as its user would have.
   * @returns the environment that its deploys need.
   */
  configure(home: string, modelUrl: string): Readonly<Record<string, string>>;
  /** A call of its shell. */
  shell(command: string): ToolUse;
  /** One of Corral's tools, as its model sees it. */
  corralTool(tool: string): string;
}

/** Nothing answers there: what asks the world fails at once, also where name servers do not answer. */
const NO_WORLD = { HTTPS_PROXY: "http://127.0.0.1:9" };

export const REAL_CLIS: readonly RealCli[] = [
  {
    name: "claude",
    mendsCuts: true,
    model: null,
    login: "run `claude` once and log in",
    configure: claudeEnv,
    shell: (command) => ({ name: "Bash", input: { command } }),
    corralTool: (tool) => `mcp__corral__${tool}`,
  },
  {
    name: "codex",
    mendsCuts: true,
    model: null,
    login: "run `codex login`",
    configure(home, modelUrl) {
      const config = `model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "${modelUrl}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
`;
      place(home, ".codex/config.toml", config);
      return { ...NO_WORLD, SCRIPTED_KEY: "not-a-key" };
    },
    shell: (command) => ({ name: "exec_command", input: { cmd: command } }),
    corralTool: (tool) => `mcp__corral${tool}`,
  },
  {
    name: "gemini",
    mendsCuts: false,
    model: "gemini-2.5-flash",
    login: "run `gemini` once and log in",
    configure(home, modelUrl) {
      const settings = {
        security: { auth: { selectedType: "gemini-api-key" } },
        privacy: { usageStatisticsEnabled: false },
      };
      place(home, ".gemini/settings.json", JSON.stringify(settings));
      return { GEMINI_API_KEY: "not-a-key", GOOGLE_GEMINI_BASE_URL: modelUrl };
    },
    shell: (command) => ({
      name: "run_shell_command",
      input: { command, description: "scripted" },
    }),
    corralTool: (tool) => `mcp_corral_${tool}`,
  },
  {
    name: "opencode",
    mendsCuts: true,
    model: "scripted/scripted",
    login: "run `opencode auth login`",
    configure(home, modelUrl) {
      const provider = {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${modelUrl}/v1`, apiKey: "not-a-key" },
        models: { scripted: {} },
      };
      const config = { provider: { scripted: provider } };
      place(home, ".config/opencode/opencode.json", JSON.stringify(config));
      // It fetches a package of its own from npm at its start, and asks again and again where it cannot.
      place(home, ".npmrc", "registry=http://127.0.0.1:9/\nfetch-retries=0\n");
      return {
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
      };
    },
    shell: (command) => ({ name: "bash", input: { command, description: "scripted" } }),
    corralTool: (tool) => `corral_${tool}`,
  },
];

function place(home: string, name: string, text: string): void {
  const path = join(home, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

/**
 * True when a test has to be skipped because a CLI is not installed; never in CI, where it
 * then fails.
 */
export function isMissing(name: RealCli["name"]): boolean {
  return !existsSync(join(BIN, name)) && process.env["CI"] === undefined;
}

/** Who the agent is, as its prompt tells it. */
export function selfOf({ prompt }: Conversation): {
  readonly task_id: string;
  readonly agent_id: string;
} {
  const [, agentId = "?"] = /You are (\S+), a headless/.exec(prompt) ?? [];
  const [, taskId = "?"] = /Task (TASK-[\w-]+)/.exec(prompt) ?? [];
  return { task_id: taskId, agent_id: agentId };
}
