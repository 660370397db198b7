import { Argument, type Command } from "commander";
import { HARNESSES, type HarnessName } from "../../../contract/agent.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { quotaLine } from "../views.ts";

/** `corral quota [reset HARNESS]`: accounts whose quota is used up. */
export const quota: Verb = {
  define(command, bind) {
    bind(command, show);
    const resetting = command
      .command("reset")
      .description("let the next deploy try, whatever the provider said")
      .addArgument(new Argument("<harness>", "the agent CLI").choices(HARNESSES))
      .option("--json", "one JSON document");
    example(resetting, "corral quota reset claude");
    bind(resetting, reset);
    example(command, "corral quota");
  },
};

async function show(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const { quotas } = await client.health();
  if (wantsJson(command)) terminal.line(jsonText({ quotas }));
  else if (quotas.length === 0) terminal.line("No quota is known to be used up.");
  else for (const one of quotas) terminal.line(quotaLine(one));
  return EXIT.ok;
}

async function reset(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const harness = command.args[0] as HarnessName;
  const answer = await client.resetQuota({ harness });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else if (answer.closed.length === 0)
    terminal.line(`No quota of ${harness} is known to be used up.`);
  else {
    for (const { credential } of answer.closed) {
      terminal.line(`The next deploy of ${harness} (${credential}) tries.`);
    }
  }
  return EXIT.ok;
}
