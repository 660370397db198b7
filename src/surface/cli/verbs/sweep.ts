import type { Command } from "commander";
import { Fault } from "../../../kernel/fault.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { sweepLines } from "../views.ts";
import { daemonOrOffline } from "./offline.ts";

/** `corral sweep`: plans; with `--apply` performs. Exit code 6 when something is stuck or unknown. */
export const sweep: Verb = {
  define(command, bind) {
    command.option("--apply", "release what is found, or exactly what --plan names");
    command.option("--plan <id>", "with --apply: the plan that an earlier sweep printed");
    example(command, "corral sweep --apply");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const { apply = false, plan } = command.opts<{ apply?: boolean; plan?: string }>();
  if (plan !== undefined && !apply) {
    throw new Fault("INPUT_INVALID", "--plan is only for --apply: a plan is made anew each time.", {
      hint: `Run "corral sweep --apply --plan ${plan}", or "corral sweep" for a new plan.`,
    });
  }
  const input = { apply, ...(plan === undefined ? {} : { plan_id: plan }) };
  const answer = await daemonOrOffline(
    ports,
    (client) => client.sweep(input),
    (offline) => offline.sweep(input),
  );
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else for (const line of sweepLines(answer, terminal)) terminal.line(line);
  const stuck = answer.steps.some(({ outcome }) => outcome === "stuck" || outcome === "unknown");
  return stuck ? EXIT.unavailable : EXIT.ok;
}
