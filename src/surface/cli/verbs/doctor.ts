import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { doctorLines } from "../views.ts";
import { daemonOrOffline } from "./offline.ts";

/** `corral doctor`: what works here. Exit code 6 when there are problems. */
export const doctor: Verb = {
  define(command, bind) {
    example(command, "corral doctor");
    bind(command, (ports) => run(ports, wantsJson(command)));
  },
};

async function run(ports: CliPorts, json: boolean): Promise<number> {
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
