import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { sweepLines } from "../views.ts";
import { daemonOrOffline } from "./offline.ts";

/** `corral sweep`: plans; with `--apply` performs. */
export const sweep: Verb = {
  define(command, bind) {
    command.option("--apply", "release what the plan names");
    example(command, "corral sweep --apply");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const apply = command.opts<{ apply?: boolean }>().apply === true;
  const answer = await daemonOrOffline(
    ports,
    (client) => client.sweep({ apply }),
    (offline) => offline.sweep({ apply }),
  );
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else for (const line of sweepLines(answer, terminal)) terminal.line(line);
  const stuck = answer.steps.some(({ outcome }) => outcome === "stuck");
  return stuck ? EXIT.unavailable : EXIT.ok;
}
