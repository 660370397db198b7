import type { Command } from "commander";
import type { MessageView } from "../../../contract/messages.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** `corral send`: a message to a running agent, queued until its input or its next report brings it. */
export const send: Verb = {
  define(command, bind) {
    command
      .argument("<agent>", "agent id, or the unique beginning of one")
      .argument("<text>", "what it is to know; - reads it from stdin");
    example(command, 'corral send fixer-1 "Leave the lockfile as it is"');
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const [typed = "", given = ""] = command.args;
  const text = given === "-" ? await ports.readText("-") : given;
  // Agents outlive their daemon, so they can be written to when it is dead.
  await ports.ensureDaemon();
  const client = await ports.client();
  const { agent_id, task_id } = await resolveAgent(client, typed);
  const answer = await client.tool("send_agent_message", { task_id, agent_id, text });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else {
    terminal.line(messageText(answer.message));
    for (const warning of answer.warnings) terminal.line(`warning: ${harmless(warning)}`);
  }
  return EXIT.ok;
}

/** Where one message stands, on one line without its text. */
export function messageText(message: MessageView): string {
  const { agent_id: agent, message_id: id, reason, state, waits_for: waits } = message;
  const what = [waits === null ? "" : `waits for ${waits}`, reason ?? ""].filter(Boolean);
  return harmless(`${id} to ${agent}: ${state}${what.length === 0 ? "" : ` (${what.join("; ")})`}`);
}
