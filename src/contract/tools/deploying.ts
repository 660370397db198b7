/** Deploying an agent, by a client or by its parent. */
import { z } from "zod";
import { AgentStatus, HarnessName, OnDaemonGone } from "../agent.ts";
import { AGENT_TYPE_PATTERN } from "../../kernel/ids.ts";
import { agentId, ID_MAX_CHARS, plainText, taskId } from "./fields.ts";
import { AgentLimits } from "./limits.ts";

/** A prompt may be long, but must fit one file that an agent reads at its start. */
export const PROMPT_MAX_CHARS = 1_000_000;

const agentType = z
  .string()
  .regex(
    AGENT_TYPE_PATTERN,
    "must be 1 to 64 letters, digits, dots, dashes or underscores and start with a letter or digit",
  );
const prompt = z.string().trim().min(1, "must not be empty").max(PROMPT_MAX_CHARS);

export const ON_QUOTA = ["refuse", "wait"] as const;
export const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;
export const PERMISSION_MODES = ["default", "plan", "skip"] as const;

/** A name that every CLI takes as it is: no underscore, since Gemini divides tool names by it. */
const serverName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/, "must be 1 to 32 letters, digits or dashes")
  .refine((name) => name.toLowerCase() !== "corral", "is Corral's own server");
const variables = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  z.string().max(32_768),
);

/** An MCP server as clients write it into their own `mcpServers`: a program, or an address. */
const McpServerInput = z
  .strictObject({
    command: plainText(4_096).min(1).optional(),
    args: z.array(z.string().max(32_768)).max(256).optional(),
    env: z.record(z.string(), z.string().max(32_768)).optional(),
    url: plainText(4_096).optional(),
    headers: z.record(z.string(), z.string().max(8_192)).optional(),
  })
  .refine(isOneServer, "needs either command (with args, env) or an http url (with headers)");
export type McpServerInput = z.infer<typeof McpServerInput>;

const NAMES = { env: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/, headers: /^[A-Za-z0-9-]{1,128}$/ };

function isOneServer(server: {
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly url?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}): boolean {
  const { command, args, env, url, headers } = server;
  if (url === undefined) {
    const names = Object.keys(env ?? {});
    return command !== undefined && headers === undefined && names.every((n) => NAMES.env.test(n));
  }
  const isAlone = command === undefined && args === undefined && env === undefined;
  const isText = Object.entries(headers ?? {}).every(
    // oxlint-disable-next-line no-control-regex -- keeping them out is the point
    ([name, value]) => NAMES.headers.test(name) && !/[\u0000-\u001f]/.test(value),
  );
  return isAlone && isText && /^https?:\/\/\S+$/.test(url);
}

/** What both ways of making an agent share. */
const deployOptions = {
  harness: HarnessName.optional().describe(
    'the agent CLI to run; default "claude", or "command" when command is given',
  ),
  model: plainText(128).min(1).optional(),
  effort: z.enum(EFFORTS).optional(),
  command: z
    .array(z.string().max(32_768))
    .min(1)
    .max(256)
    .optional()
    .describe("argv to run instead of an agent CLI; never given to a shell"),
  cwd: z.string().max(4_096).optional().describe("absolute; default: the task's client_cwd"),
  on_quota: z
    .enum(ON_QUOTA)
    .default("refuse")
    .describe("while the account's quota is used up; wait: it is queued"),
  isolation: z.enum(["none"]).default("none"),
  env: variables
    .optional()
    .describe("added to the documented allow-list; the user's whole environment is never passed"),
  mcp_servers: z
    .record(serverName, McpServerInput)
    .refine((servers) => Object.keys(servers).length <= 20, "must be at most 20 servers")
    .optional()
    .describe("further MCP servers by name: {command, args, env} or {url, headers}"),
  preamble: z
    .string()
    .max(20_000)
    .optional()
    .describe("replaces Corral's words before the mission; {agent_id} {task_id} {parent}"),
  limits: AgentLimits.optional(),
  permission_mode: z
    .enum(PERMISSION_MODES)
    .default("default")
    .describe(
      '"default": edits in the folder, commands only in the CLI\'s own sandbox; "plan": changes no file; "skip": no checks at all',
    ),
  on_daemon_gone: OnDaemonGone.optional().describe(
    "what its runner does without a daemon: keep it, or stop it after so long (default: the setting)",
  ),
  idempotency_key: plainText(128)
    .min(1)
    .optional()
    .describe("a second call with the same key on the task answers with the first agent"),
};

/**
 * What may be changed when an agent is resumed; what is absent stays as it was. Its folder and its
 * CLI do not change: the conversation belongs to them.
 */
export const resumeOptions = {
  model: deployOptions.model,
  effort: deployOptions.effort,
  env: variables
    .optional()
    .describe("laid over what it had; secrets are not kept, so give them again"),
  mcp_servers: deployOptions.mcp_servers.meta({
    description:
      "as for deploy_headless_agent, in place of those it had; {} for none; default: the same, unless one held a secret",
    isToldElsewhere: true,
  }),
  limits: AgentLimits.optional().meta({
    description: "as for deploy_headless_agent, laid over those it had",
    isToldElsewhere: true,
  }),
  permission_mode: z.enum(PERMISSION_MODES).optional().describe("default: as before"),
  on_daemon_gone: OnDaemonGone.optional().describe("default: as before"),
  idempotency_key: deployOptions.idempotency_key,
};

export const DeployInput = z.strictObject({
  task_id: taskId,
  agent_type: agentType.describe('what it is: "investigator", "builder", "fixer" or your own word'),
  prompt: prompt.describe("its mission, complete: it sees nothing of your conversation"),
  parent: z.string().min(1).max(ID_MAX_CHARS).default("orchestrator"),
  ...deployOptions,
});
export type DeployInput = z.infer<typeof DeployInput>;

export const SpawnChildInput = z.strictObject({
  task_id: taskId,
  parent_agent_id: agentId,
  child_agent_type: agentType,
  child_prompt: prompt,
  ...deployOptions,
});
export type SpawnChildInput = z.infer<typeof SpawnChildInput>;

export const DeployAnswer = z.object({
  agent_id: z.string(),
  task_id: z.string(),
  agent_type: z.string(),
  harness: HarnessName,
  parent: z.string(),
  depth: z.int(),
  status: AgentStatus,
  host: z.enum(["tmux", "process"]),
  tmux_session: z.string().nullable(),
  containment: z.string(),
  workspace: z.string().describe("the agent's own folder"),
  warnings: z.array(z.string()).describe("what could not be enforced or was chosen for you"),
});
export type DeployAnswer = z.infer<typeof DeployAnswer>;
