import { resolve } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { HARNESSES, type OnDaemonGone } from "../../../contract/agent.ts";
import { EFFORTS, ON_QUOTA, PERMISSION_MODES } from "../../../contract/tools.ts";
import { Fault } from "../../../kernel/fault.ts";
import { addVariable, dollarsOf, keepOrSeconds, wholeNumber } from "../arguments.ts";
import type { ApiClient } from "../../../contract/client.ts";
import type { CliPorts } from "../ports.ts";
import { resolveTask } from "../resolve.ts";
import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { announce, awaitEnd, serversIn } from "./deployed.ts";

/** What a tool takes as a reason; see src/contract/tools/tasks.ts. */
const REASON_CHARS = 500;

interface DeployOptions {
  readonly task?: string;
  readonly describe?: string;
  readonly type: string;
  readonly harness?: string;
  readonly model?: string;
  readonly effort?: string;
  readonly permissionMode?: string;
  readonly mcpConfig?: string;
  readonly cwd?: string;
  readonly wallClock?: number;
  readonly maxTokens?: number;
  readonly maxCostUsd?: number;
  readonly onQuota?: string;
  readonly onDaemonGone?: OnDaemonGone;
  readonly env?: Readonly<Record<string, string>>;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly wait?: boolean;
}

/** `corral deploy`: one agent, on a task that exists or on a new one. */
export const deploy: Verb = {
  define(command, bind) {
    command
      .argument("[argv...]", "after --: the command to run as the agent, never given to a shell")
      .addOption(new Option("--task <id>", "the task to work on").conflicts("describe"))
      .option("--describe <text>", "make a new task with this description (10 to 500 characters)")
      .requiredOption("--type <word>", "what the agent is: investigator, builder, fixer, …")
      .addOption(new Option("--harness <name>", "the agent CLI").choices(HARNESSES))
      .option("--model <name>", "the model that the agent CLI is to use")
      .addOption(new Option("--effort <level>", "how hard it is to think").choices(EFFORTS))
      .addOption(
        new Option("--permission-mode <mode>", "how freely it acts").choices(PERMISSION_MODES),
      )
      .option("--mcp-config <file>", "further MCP servers: a JSON file with mcpServers")
      .option("--cwd <folder>", "where the agent works (default: the task's folder)")
      .option("--wall-clock <seconds>", "stop the agent after this time", wholeNumber(1))
      .option("--max-tokens <n>", "stop the agent when it has used so many", wholeNumber(1))
      .option("--max-cost-usd <usd>", "stop the agent when it has cost so much", dollarsOf)
      .addOption(
        new Option("--on-quota <what>", "while its account's quota is used up").choices(ON_QUOTA),
      )
      .option(
        "--on-daemon-gone <what>",
        "without a daemon: keep it, or stop it after so many seconds",
        keepOrSeconds,
      )
      .option("--env <key=value>", "add a variable to its environment; repeatable", addVariable)
      .addOption(new Option("--prompt <text>", "its mission").conflicts("promptFile"))
      .option("--prompt-file <file>", "read its mission from a file, or from stdin with -")
      .option("--wait", "return when it has ended and everything is given back");
    example(
      command,
      'corral deploy --describe "Fix the failing test" --type fixer --prompt "Run npm test and fix it" --wait',
    );
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const options = command.opts<DeployOptions>();
  const prompt = await promptOf(ports, options, command.args);
  requireTask(options);
  const extras = await deployExtras(ports, options, command.args);
  await ports.ensureDaemon();
  const client = await ports.client();
  const taskId = await taskOf(ports, client, options);
  const deployed = await client
    .tool("deploy_headless_agent", {
      task_id: taskId,
      agent_type: options.type,
      prompt,
      ...extras,
    })
    .catch(async (thrown: unknown) => {
      if (options.task === undefined) await closeUnused(client, taskId, thrown);
      throw thrown;
    });
  return options.wait === true
    ? await awaitEnd(ports, deployed, wantsJson(command))
    : announce(ports, deployed, wantsJson(command));
}

/** A task that was made for an agent that was refused is of no use to anybody. Best effort: what is told is the refusal. */
async function closeUnused(client: ApiClient, taskId: string, thrown: unknown): Promise<void> {
  // Without an answer nobody knows whether the agent runs.
  if (!(thrown instanceof Fault) || thrown.code === "DAEMON_UNREACHABLE") return;
  const reason = thrown.message.slice(0, REASON_CHARS);
  const input = { task_id: taskId, outcome: "cancelled", reason } as const;
  await client.tool("close_task", input).catch(() => {});
}

function requireTask({ task, describe }: DeployOptions): void {
  if (task !== undefined || describe !== undefined) return;
  throw new Fault("INPUT_INVALID", "The agent was given no task to work on.", {
    hint: "Add --task ID for a task that exists, or --describe TEXT to make one.",
  });
}

async function promptOf(
  { readText }: CliPorts,
  { prompt, promptFile }: DeployOptions,
  argv: readonly string[],
): Promise<string> {
  if (prompt !== undefined) return prompt;
  if (promptFile !== undefined) return await readText(promptFile);
  // A plain command needs no mission; what it is stands in the record all the same.
  if (argv.length > 0) return `Run: ${argv.join(" ")}`;
  throw new Fault("INPUT_INVALID", "The agent was given no prompt.", {
    hint: "Add --prompt TEXT, --prompt-file FILE, or a command after --.",
  });
}

async function taskOf(
  { cwd }: CliPorts,
  client: ApiClient,
  options: DeployOptions,
): Promise<string> {
  if (options.task !== undefined) return await resolveTask(client, options.task);
  const made = await client.tool("create_real_task", {
    description: options.describe,
    client_cwd: resolve(cwd, options.cwd ?? "."),
  });
  return made.task_id;
}

async function deployExtras(
  ports: CliPorts,
  options: DeployOptions,
  argv: readonly string[],
): Promise<Record<string, unknown>> {
  const { cwd } = ports;
  return {
    ...(options.harness === undefined ? {} : { harness: options.harness }),
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.effort === undefined ? {} : { effort: options.effort }),
    ...(options.permissionMode === undefined ? {} : { permission_mode: options.permissionMode }),
    ...(options.mcpConfig === undefined
      ? {}
      : { mcp_servers: await serversIn(ports, options.mcpConfig) }),
    ...(options.cwd === undefined ? {} : { cwd: resolve(cwd, options.cwd) }),
    ...limitsOf(options),
    ...(options.onQuota === undefined ? {} : { on_quota: options.onQuota }),
    ...(options.onDaemonGone === undefined ? {} : { on_daemon_gone: options.onDaemonGone }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(argv.length === 0 ? {} : { command: argv }),
  };
}

function limitsOf({ maxCostUsd, maxTokens, wallClock }: DeployOptions): Record<string, unknown> {
  const limits = {
    ...(wallClock === undefined ? {} : { wall_clock_s: wallClock }),
    ...(maxTokens === undefined ? {} : { tokens: maxTokens }),
    ...(maxCostUsd === undefined ? {} : { cost_usd: maxCostUsd }),
  };
  return Object.keys(limits).length === 0 ? {} : { limits };
}

/** The servers of a file as MCP clients write it: `{"mcpServers": {"name": {…}}}`. */
