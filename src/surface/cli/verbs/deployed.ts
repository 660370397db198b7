/** What verbs that start an agent say of it. */
import type { DeployAnswer } from "../../../contract/tools.ts";
import { Fault } from "../../../kernel/fault.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { jsonText } from "../verb.ts";
import { cleanupText, endText } from "../views.ts";
import { waitFor } from "../waiting.ts";

/** The servers of a file as clients have it. @throws {Fault} INPUT_INVALID when it holds none. */
export async function serversIn({ readText }: CliPorts, file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    const { mcpServers } = JSON.parse(text) as { readonly mcpServers?: unknown };
    if (typeof mcpServers === "object" && mcpServers !== null) return mcpServers;
  } catch {
    // What is no JSON has no servers in it either.
  }
  throw new Fault("INPUT_INVALID", `"${file}" holds no MCP servers.`, {
    hint: 'Give a JSON file such as {"mcpServers": {"files": {"command": "files-mcp", "args": []}}}.',
  });
}

/** Says that an agent runs, and how to follow it. @returns the exit code. */
export function announce({ terminal }: CliPorts, deployed: DeployAnswer, json: boolean): number {
  if (json) {
    terminal.line(jsonText(deployed));
    return EXIT.ok;
  }
  warn({ terminal }, deployed);
  terminal.line(`${deployed.agent_id} is ${deployed.status} (task ${deployed.task_id}).`);
  terminal.line(`Follow it with:  corral logs -f ${deployed.agent_id}`);
  return EXIT.ok;
}

/** Waits until an agent has ended and everything is given back. @returns the exit code. */
export async function awaitEnd(
  ports: CliPorts,
  deployed: DeployAnswer,
  json: boolean,
): Promise<number> {
  const { terminal } = ports;
  if (!json) {
    warn(ports, deployed);
    const does = deployed.status === "queued" ? "waits for its quota" : "runs";
    terminal.note(`${deployed.agent_id} ${does}; waiting for its end.`);
  }
  const { answer, exit } = await waitFor(ports, {
    agent_ids: [deployed.agent_id],
    timeoutMs: null,
  });
  const [agent] = answer.agents;
  if (json) terminal.line(jsonText({ ...deployed, agent: agent ?? null }));
  else if (agent !== undefined) {
    const cleanup = cleanupText(agent.cleanup);
    terminal.line(`${agent.agent_id} ${agent.status}: ${endText(agent)}; cleanup ${cleanup}.`);
  }
  return exit;
}

function warn({ terminal }: Pick<CliPorts, "terminal">, { warnings }: DeployAnswer): void {
  for (const warning of warnings) terminal.note(`Note: ${harmless(warning)}`);
}
