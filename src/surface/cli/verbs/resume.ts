import type { Command } from "commander";
import { Option } from "commander";
import { EFFORTS, PERMISSION_MODES } from "../../../contract/tools.ts";
import { addVariable, wholeNumber } from "../arguments.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { announce, awaitEnd, serversIn } from "./deployed.ts";

interface ResumeOptions {
  readonly model?: string;
  readonly effort?: string;
  readonly permissionMode?: string;
  readonly mcpConfig?: string;
  readonly wallClock?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly wait?: boolean;
}

/** `corral resume`: a new agent goes on with the conversation of one that has ended. */
export const resume: Verb = {
  define(command, bind) {
    command
      .argument("<agent>", "agent id, or the unique beginning of one")
      .argument("[message]", "what it is to do now; - reads it from stdin (default: go on)")
      .option("--model <name>", "another model")
      .addOption(new Option("--effort <level>", "another effort").choices(EFFORTS))
      .addOption(new Option("--permission-mode <mode>", "another mode").choices(PERMISSION_MODES))
      .option("--mcp-config <file>", "MCP servers in place of those it had: a JSON file")
      .option("--wall-clock <seconds>", "stop the agent after this time", wholeNumber(1))
      .option("--env <key=value>", "a variable laid over those it had; repeatable", addVariable)
      .option("--wait", "return when it has ended and everything is given back");
    example(command, 'corral resume fixer-1 "Now run the whole suite" --wait');
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const options = command.opts<ResumeOptions>();
  const [typed = "", given] = command.args;
  const message = given === "-" ? await ports.readText("-") : given;
  const { mcpConfig } = options;
  const servers = mcpConfig === undefined ? undefined : await serversIn(ports, mcpConfig);
  await ports.ensureDaemon();
  const client = await ports.client();
  const { agent_id, task_id } = await resolveAgent(client, typed);
  const resumed = await client.tool("resume_agent", {
    task_id,
    agent_id,
    ...(message === undefined ? {} : { message }),
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.effort === undefined ? {} : { effort: options.effort }),
    ...(options.permissionMode === undefined ? {} : { permission_mode: options.permissionMode }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.wallClock === undefined ? {} : { limits: { wall_clock_s: options.wallClock } }),
    ...(servers === undefined ? {} : { mcp_servers: servers }),
  });
  return options.wait === true
    ? await awaitEnd(ports, resumed, wantsJson(command))
    : announce(ports, resumed, wantsJson(command));
}
