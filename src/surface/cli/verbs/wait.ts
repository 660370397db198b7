import type { Command } from "commander";
import { Option } from "commander";
import { Fault } from "../../../kernel/fault.ts";
import { secondsOf, wholeNumber } from "../arguments.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent, resolveTask } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { agentsTable } from "../views.ts";
import { waitFor } from "../waiting.ts";
import type { WaitPlan } from "../waiting.ts";

interface WaitOptions {
  readonly task?: string;
  readonly any?: boolean;
  readonly count?: number;
  readonly for?: "settled" | "clean";
  readonly timeout?: number;
}

/** `corral wait`: until agents have ended and what they held is given back. */
export const wait: Verb = {
  define(command, bind) {
    command
      .argument("[agent...]", "agent ids, or unique beginnings of them")
      .option("--task <id>", "the agents of this task")
      .addOption(new Option("--any", "return when one of them has ended").conflicts("count"))
      .option("--count <n>", "return when this many have ended", wholeNumber(1))
      .addOption(
        new Option("--for <what>", "settled: ended; clean: also everything given back")
          .choices(["settled", "clean"])
          .default("clean"),
      )
      .option("--timeout <seconds>", "give up after this time (default: never)", secondsOf);
    example(command, "corral wait fixer-1 --timeout 600");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal, now } = ports;
  const options = command.opts<WaitOptions>();
  requireTarget(command.args, options);
  // Somebody has to settle the agents that are waited for.
  await ports.ensureDaemon();
  const { answer, exit } = await waitFor(ports, await planOf(ports, command.args, options));
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else for (const line of agentsTable(answer.agents, now(), terminal)) terminal.line(line);
  if (answer.timed_out) terminal.note("The time is over; the agents go on.");
  return exit;
}

function requireTarget(agents: readonly string[], { task }: WaitOptions): void {
  if (agents.length > 0 || task !== undefined) return;
  throw new Fault("INPUT_INVALID", "Nothing to wait for was named.", {
    hint: 'Name agents ("corral wait AGENT…") or a task ("corral wait --task ID").',
  });
}

async function planOf(
  ports: CliPorts,
  typed: readonly string[],
  options: WaitOptions,
): Promise<WaitPlan> {
  const client = await ports.client();
  const agents = await Promise.all(typed.map((word) => resolveAgent(client, word)));
  return {
    ...(agents.length === 0 ? {} : { agent_ids: agents.map((agent) => agent.agent_id) }),
    ...(options.task === undefined ? {} : { task_id: await resolveTask(client, options.task) }),
    until: options.any === true ? "any" : (options.count ?? "all"),
    for: options.for ?? "clean",
    timeoutMs: options.timeout === undefined ? null : options.timeout * 1_000,
  };
}
