import type { Command } from "commander";
import type { TaskStatusAnswer } from "../../../contract/tools.ts";
import { counted } from "../../../kernel/units.ts";
import { wholeNumber } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { resolveTask } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { agentsTable, budgetText, summarise, tasksTable } from "../views.ts";

/** `corral task list`, `corral task show` and `corral task close`. */
export const task: Verb = {
  define(command, bind) {
    const listing = command
      .command("list")
      .description("list the open tasks, newest first")
      .option("-a, --all", "also closed ones")
      .option("--limit <n>", "at most so many (default 100, most 500)", wholeNumber(1));
    example(listing.option("--json", "one JSON document"), "corral task list");
    bind(listing, list);
    const showing = command
      .command("show")
      .description("show a task: its agents, progress, findings and limits")
      .argument("<task>", "task id, or the unique beginning of one");
    example(showing.option("--json", "one JSON document"), "corral task show TASK-20261122");
    bind(showing, show);
    const closing = command
      .command("close")
      .description("close a task: its agents are stopped and given back, nothing is deleted")
      .argument("<task>", "task id, or the unique beginning of one")
      .option("--cancelled", "it was given up (default: it is completed)")
      .option("--reason <text>", "why, for the record");
    example(closing.option("--json", "one JSON document"), "corral task close TASK-20261122");
    bind(closing, close);
    example(command, "corral task list");
  },
};

async function list(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const { all = false, limit } = command.opts<{ all?: boolean; limit?: number }>();
  const status = all ? "all" : "open";
  const answer = await (
    await ports.client()
  ).tasks({
    status,
    ...(limit === undefined ? {} : { limit }),
  });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else if (answer.tasks.length === 0) terminal.line(all ? "No tasks." : "No open tasks.");
  else for (const line of tasksTable(answer, terminal)) terminal.line(line);
  if (answer.next_cursor !== null) terminal.note("There are older ones; --limit shows more.");
  return EXIT.ok;
}

async function close(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  await ports.ensureDaemon();
  const client = await ports.client();
  const { cancelled = false, reason } = command.opts<{ cancelled?: boolean; reason?: string }>();
  const answer = await client.tool("close_task", {
    task_id: await resolveTask(client, command.args[0] ?? ""),
    outcome: cancelled ? "cancelled" : "completed",
    ...(reason === undefined ? {} : { reason }),
  });
  const { stuck } = summarise(answer.receipts);
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else {
    terminal.line(
      `${answer.task_id} is ${answer.status}; ${counted(answer.agents_stopped, "agent")} stopped.`,
    );
    for (const line of stuck) terminal.line(line);
  }
  return stuck.length === 0 ? EXIT.ok : EXIT.unavailable;
}

async function show(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const taskId = await resolveTask(client, command.args[0] ?? "");
  const answer = await client.tool("get_real_task_status", { task_id: taskId });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else for (const line of taskLines(answer, ports)) terminal.line(line);
  return EXIT.ok;
}

function taskLines(
  answer: TaskStatusAnswer,
  { terminal, now }: Pick<CliPorts, "terminal" | "now">,
): readonly string[] {
  const {
    task: about,
    agents,
    agents_left_out: leftOut,
    counts,
    limits,
    resources,
    progress,
    findings,
  } = answer;
  return [
    `${about.task_id}  ${about.priority}  ${about.status}  ${harmless(about.description)}`,
    `workspace ${about.workspace}`,
    `agents ${counts.total}: ${counts.running} running, ${counts.completed} completed, ${counts.failed} failed`,
    `limits running ${limits.running.used}/${limits.running.limit}, total ${limits.total.used}/${limits.total.limit}, depth ${limits.depth.used}/${limits.depth.limit}`,
    `spent ${budgetText({ tokens: limits.tokens, cost_usd: limits.cost_usd })}`,
    `resources ${resources.held} held, ${resources.stuck} stuck`,
    ...(agents.length === 0 ? [] : agentsTable(agents, now(), terminal)),
    ...(leftOut === 0 ? [] : [`(${leftOut} ended agents not shown; corral ps -a lists them)`]),
    ...progress.map(
      (it) => `${it.at}  ${it.agent_id}  ${it.status} ${it.progress} %  ${harmless(it.message)}`,
    ),
    ...findings.map(
      (it) =>
        `${it.at}  ${it.agent_id}  ${it.severity} ${harmless(it.finding_type)}  ${harmless(it.message)}`,
    ),
  ];
}
