import { alertLines } from "../alert-lines.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { healthLines, tasksTable } from "../views.ts";

/** `corral status`: the daemon and its tasks. */
export const status: Verb = {
  define(command, bind) {
    example(command, "corral status");
    bind(command, (ports) => run(ports, wantsJson(command)));
  },
};

async function run(ports: CliPorts, json: boolean): Promise<number> {
  const { terminal, now } = ports;
  const client = await ports.client();
  const [health, tasks, { standing }] = await Promise.all([
    client.health(),
    client.tasks(),
    client.alerts(),
  ]);
  if (json) {
    terminal.line(jsonText({ health, ...tasks, alerts: standing }));
    return EXIT.ok;
  }
  for (const line of healthLines(health, now())) terminal.line(line);
  for (const line of alertLines(standing, now(), terminal.colour)) terminal.line(line);
  if (tasks.tasks.length > 0) {
    for (const line of tasksTable(tasks, terminal)) terminal.line(line);
  }
  return EXIT.ok;
}
