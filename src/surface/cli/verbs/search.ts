import type { Command } from "commander";
import { Option } from "commander";
import { wholeNumber } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent, resolveTask } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { searchLines } from "../views.ts";

interface SearchOptions {
  readonly task?: string;
  readonly agent?: string;
  readonly kind?: "finding" | "progress" | "result";
  readonly since?: string;
  readonly limit?: number;
  readonly cursor?: number;
}

/** `corral search`: full text over what all agents found, reported and concluded. */
export const search: Verb = {
  define(command, bind) {
    command
      .argument("<words...>", 'all must occur; "a phrase" in one argument, begin*')
      .option("--task <id>", "only in this task")
      .option("--agent <id>", "only of this agent")
      .addOption(
        new Option("--kind <kind>", "only these").choices(["finding", "progress", "result"]),
      )
      .option("--since <time>", "only from this time on, such as 2026-11-25T08:00Z")
      .option("--limit <n>", "at most so many hits (default 20, most 200)", wholeNumber(1))
      .option("--cursor <n>", "go on where an earlier answer stopped", wholeNumber(0));
    example(command, "corral search race condition --kind finding");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const answer = await client.tool("search_history", await inputOf(ports, command));
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else if (answer.hits.length === 0) terminal.line("Nothing was found.");
  else for (const line of searchLines(answer, terminal.colour)) terminal.line(line);
  if (answer.next_cursor !== null) {
    terminal.note(`There are older hits: --cursor ${answer.next_cursor} goes on.`);
  }
  return EXIT.ok;
}

async function inputOf(ports: CliPorts, command: Command): Promise<Record<string, unknown>> {
  const { task, agent, kind, since, limit, cursor } = command.opts<SearchOptions>();
  const client = await ports.client();
  const found = agent === undefined ? null : await resolveAgent(client, agent);
  const given = {
    // A shell has taken the quotes off: an argument of several words is a phrase.
    query: command.args.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(" "),
    task_id: task === undefined ? found?.task_id : await resolveTask(client, task),
    agent_id: found?.agent_id,
    kinds: kind === undefined ? undefined : [kind],
    since,
    limit,
    cursor,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
