import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { doctorLines, orphanLines } from "../views.ts";
import { daemonOrOffline } from "./offline.ts";

/** `corral doctor`: what works here. Exit code 6 when there are problems. */
export const doctor: Verb = {
  define(command, bind) {
    command.option(
      "--orphans",
      "list agent CLIs and MCP servers that other tools left running; touches none",
    );
    example(command, "corral doctor");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const json = wantsJson(command);
  if (command.opts<{ orphans?: boolean }>().orphans === true) return listOrphans(ports, json);
  const { terminal } = ports;
  const answer = await daemonOrOffline(
    ports,
    (client) => client.doctor(),
    (offline) => offline.doctor(),
  );
  if (json) terminal.line(jsonText(answer));
  else for (const line of doctorLines(answer, terminal.colour)) terminal.line(line);
  return answer.problems.length === 0 ? EXIT.ok : EXIT.unavailable;
}

/** To be found is no failure: it is a list. */
async function listOrphans({ orphans, terminal }: CliPorts, json: boolean): Promise<number> {
  const answer = await orphans();
  if (json) terminal.line(jsonText(answer));
  else for (const line of orphanLines(answer, terminal)) terminal.line(line);
  return EXIT.ok;
}
