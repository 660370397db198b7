import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { ledgerTable } from "../views.ts";
import { daemonOrOffline } from "./offline.ts";

/** `corral ledger`: who holds what. */
export const ledger: Verb = {
  define(command, bind) {
    command
      .argument("[owner]", 'agent id, task id or "daemon"; the beginning of one is enough')
      .option("-a, --all", "also what was released");
    example(command, "corral ledger --all");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const all = command.opts<{ all?: boolean }>().all === true;
  const [owner = ""] = command.args;
  const answer = await daemonOrOffline(
    ports,
    (client) => client.ledger({ all }),
    (offline) => offline.ledger(),
  );
  // The ledger without its daemon answers with every row, so one filter serves both.
  const rows = answer.rows.filter(
    (row) => row.owner.startsWith(owner) && (all || row.state !== "released"),
  );
  if (wantsJson(command)) terminal.line(jsonText({ rows }));
  else if (rows.length === 0) terminal.line("Nothing is held.");
  else for (const line of ledgerTable({ rows }, terminal)) terminal.line(line);
  return EXIT.ok;
}
