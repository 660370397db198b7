/** Where the real Claude Code CLI is, and how it runs without a network, an account or a user's HOME. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const BIN = join(import.meta.dirname, "../agent-clis/node_modules/.bin");

/** The folder to put first in PATH. */
export const CLAUDE_BIN = BIN;

/**
 * True when the test has to be skipped because the CLI is not installed; never in CI, where
 * the test then fails.
 */
export const claudeIsMissing = !existsSync(join(BIN, "claude")) && process.env["CI"] === undefined;

/** For the name of a skipped test. */
export const CLAUDE_HINT = claudeIsMissing
  ? ' (skipped: run "npm ci --prefix test/agent-clis" first)'
  : "";

/**
 * Environment of a CLI that talks to nobody but the scripted model.
 * @param home      An empty folder; the CLI writes about 0.4 MB into it.
 * @param modelUrl  Of the scripted model.
 */
export function claudeEnv(home: string, modelUrl: string): Record<string, string> {
  return {
    HOME: home,
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: "sk-ant-not-a-key",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
  };
}
