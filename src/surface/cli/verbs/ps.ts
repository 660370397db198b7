import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { resolveTask } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { agentsTable } from "../views.ts";

/** `corral ps`: live agents, or all. */
export const ps: Verb = {
  define(command, bind) {
    command
      .option("-a, --all", "also agents that have ended")
      .option("--task <id>", "only agents of this task");
    example(command, "corral ps --all");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal, now } = ports;
  const { all = false, task } = command.opts<{ all?: boolean; task?: string }>();
  const client = await ports.client();
  const filter = task === undefined ? {} : { taskId: await resolveTask(client, task) };
  const answer = await client.agents({ all, ...filter });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else if (answer.agents.length === 0) terminal.line(all ? "No agents." : "No live agents.");
  else for (const line of agentsTable(answer.agents, now(), terminal)) terminal.line(line);
  return EXIT.ok;
}
