/** What the operations say in the words of their tools, said to people in verbs and options. */
import type { ToolName } from "../../contract/tools.ts";
import type { Fault } from "../../kernel/fault.ts";

/** A task is made by `corral deploy --describe`. Tools that only agents call have no verb. */
const VERBS: Partial<Record<ToolName, string>> = {
  close_task: "task close",
  create_real_task: "deploy",
  deploy_headless_agent: "deploy",
  get_agent_messages: "messages",
  get_agent_output: "logs",
  get_real_task_status: "ps",
  kill_real_agent: "kill",
  list_tasks: "task list",
  resume_agent: "resume",
  search_history: "search",
  send_agent_message: "send",
  wait_for_agents: "wait",
};

const OPTIONS: Readonly<Record<string, string>> = {
  agent_type: "--type",
  client_cwd: "--cwd",
  cwd: "--cwd",
  description: "--describe",
  "limits.cost_usd": "--max-cost-usd",
  "limits.tokens": "--max-tokens",
  "limits.wall_clock_s": "--wall-clock",
  mcp_servers: "--mcp-config",
  model: "--model",
  prompt: "--prompt",
};

// What follows "limits" is a field of the tool that no verb has.
const TOOLS = new RegExp(`\\b([Cc]all )?(${Object.keys(VERBS).join("|")})\\b(?! limits)`, "g");

/** The message and the hint of a fault, for people at a shell. Pure. */
export function inVerbs({ code, hint, message }: Fault): {
  readonly message: string;
  readonly hint: string;
} {
  const named = (text: string): string => (code === "INPUT_INVALID" ? inOptions(text) : text);
  return {
    message: named(message),
    hint: named(hint).replaceAll(TOOLS, (_, call: string | undefined, tool: ToolName) => {
      const run = call === undefined ? "" : call.startsWith("C") ? "Run " : "run ";
      return `${run}"corral ${VERBS[tool]}"`;
    }),
  };
}

/** Only the first name: what follows may be what somebody has typed. */
function inOptions(text: string): string {
  return text.replace(/"([a-z_.]+)"/, (quoted, field: string) => OPTIONS[field] ?? quoted);
}
