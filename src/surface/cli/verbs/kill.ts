import type { Command } from "commander";
import { secondsOf } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { receiptTable, summarise } from "../views.ts";

/** `corral kill`: stops an agent and everything it started, and shows the receipt. */
export const kill: Verb = {
  define(command, bind) {
    command
      .argument("<agent>", "agent id, or the unique beginning of one")
      .option("--reason <text>", "why; kept with the agent")
      .option("--grace <seconds>", "time between the interrupt and stronger signals", secondsOf);
    example(command, "corral kill fixer-1 --grace 2");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const { reason, grace } = command.opts<{ reason?: string; grace?: number }>();
  // Agents outlive their daemon, so stopping one must work when the daemon is dead.
  await ports.ensureDaemon();
  const client = await ports.client();
  const agent = await resolveAgent(client, command.args[0] ?? "");
  const answer = await client.tool("kill_real_agent", {
    task_id: agent.task_id,
    agent_id: agent.agent_id,
    ...(reason === undefined ? {} : { reason }),
    ...(grace === undefined ? {} : { grace_s: grace }),
  });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else {
    terminal.line(`${answer.agent_id} is ${answer.status}.`);
    for (const line of receiptTable(answer.receipt, terminal)) terminal.line(line);
  }
  return summarise([answer.receipt]).stuck.length === 0 ? EXIT.ok : EXIT.unavailable;
}
