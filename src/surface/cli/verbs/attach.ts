import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { hasEnded } from "../views.ts";
import { printLogs } from "./logs.ts";

/** `corral attach`: the agent's tmux session, or its log where there is none to show. */
export const attach: Verb = {
  define(command, bind) {
    command.argument("<agent>", "agent id, or the unique beginning of one");
    example(command, "corral attach fixer-1");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal, paths } = ports;
  const agent = await resolveAgent(await ports.client(), command.args[0] ?? "");
  const json = wantsJson(command);
  if (agent.tmux_session !== null && terminal.isTty && !json && !hasEnded(agent)) {
    // "=" asks tmux for exactly this name; without it "agent_1" also finds "agent_12".
    const target = `=${agent.tmux_session}`;
    return await ports.runInTerminal(["tmux", "-S", paths.tmuxSocket, "attach", "-t", target]);
  }
  await printLogs(ports, agent, {
    follow: true,
    stream: "stdout",
    form: json ? "json" : "pretty",
  });
  return EXIT.ok;
}
