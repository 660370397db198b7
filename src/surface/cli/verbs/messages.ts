import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { messageText } from "./send.ts";

/** `corral messages`: what became of the messages to an agent. */
export const messages: Verb = {
  define(command, bind) {
    command
      .argument("<agent>", "agent id, or the unique beginning of one")
      .option("--limit <n>", "the newest so many (default 50, at most 500)", wholeNumber(1));
    example(command, "corral messages fixer-1");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const { limit } = command.opts<{ limit?: number }>();
  const client = await ports.client();
  const { agent_id, task_id } = await resolveAgent(client, command.args[0] ?? "");
  const asked = { task_id, agent_id, ...(limit === undefined ? {} : { limit }) };
  const answer = await client.tool("get_agent_messages", asked);
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else if (answer.messages.length === 0) terminal.line("No messages.");
  for (const message of wantsJson(command) ? [] : answer.messages) {
    terminal.line(`${message.sent_at} ${messageText(message)}`);
    for (const line of message.text.split("\n")) terminal.line(`  | ${harmless(line)}`);
  }
  return EXIT.ok;
}
