import type { Command } from "commander";
import type { TaskStatusAnswer } from "../../../contract/tools.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { resolveTask } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { agentsTable, tasksTable } from "../views.ts";

/** `corral task list` and `corral task show`. */
export const task: Verb = {
  define(command, bind) {
    const listing = command.command("list").description("list the open tasks");
    example(listing.option("--json", "one JSON document"), "corral task list");
    bind(listing, list);
    const showing = command
      .command("show")
      .description("show a task: its agents, progress, findings and limits")
      .argument("<task>", "task id, or the unique beginning of one");
    example(showing.option("--json", "one JSON document"), "corral task show TASK-20261122");
    bind(showing, show);
    example(command, "corral task list");
  },
};

async function list(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const tasks = await (await ports.client()).tasks();
  if (wantsJson(command)) terminal.line(jsonText(tasks));
  else if (tasks.tasks.length === 0) terminal.line("No tasks.");
  else for (const line of tasksTable(tasks, terminal)) terminal.line(line);
  return EXIT.ok;
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
  const { task: about, agents, counts, limits, resources, progress, findings } = answer;
  return [
    `${about.task_id}  ${about.priority}  ${harmless(about.description)}`,
    `workspace ${about.workspace}`,
    `agents ${counts.total}: ${counts.running} running, ${counts.completed} completed, ${counts.failed} failed`,
    `limits running ${limits.running.used}/${limits.running.limit}, total ${limits.total.used}/${limits.total.limit}, depth ${limits.depth.used}/${limits.depth.limit}`,
    `resources ${resources.held} held, ${resources.stuck} stuck`,
    ...(agents.length === 0 ? [] : agentsTable(agents, now(), terminal)),
    ...progress.map(
      (it) => `${it.at}  ${it.agent_id}  ${it.status} ${it.progress} %  ${harmless(it.message)}`,
    ),
    ...findings.map(
      (it) =>
        `${it.at}  ${it.agent_id}  ${it.severity} ${harmless(it.finding_type)}  ${harmless(it.message)}`,
    ),
  ];
}
