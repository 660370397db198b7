/**
 * Any program: the user's argv, exactly as it was given, and never a shell.
 *
 * It reaches Corral with CORRAL_URL and CORRAL_TOKEN, and reads its prompt from stdin.
 */
import { Fault } from "../kernel/fault.ts";
import { describeExit } from "./endings.ts";
import { BASE_ENV_ALLOW } from "./env.ts";
import type { ExitFacts, Harness, HarnessRequest, LaunchPlan } from "./harness.ts";
import { PROMPT_FILE } from "./options.ts";

export const commandHarness: Harness = {
  name: "command",
  program: null,
  installHint: "",
  login: "",
  toolPrefix: "",
  plan,
  // What a program prints is its own business: a line that happens to be JSON stays a line.
  events: (line) => (line.trim() === "" ? [] : [{ type: "plain", line }]),
  judge,
};

function plan(request: HarnessRequest): LaunchPlan {
  return {
    argv: argvOf(request),
    env: {
      CORRAL_URL: request.mcp.url,
      CORRAL_TOKEN: request.mcp.token,
      CORRAL_TASK_ID: request.taskId,
      CORRAL_AGENT_ID: request.agentId,
    },
    envAllow: BASE_ENV_ALLOW,
    files: [{ name: PROMPT_FILE, text: request.prompt, kind: "prompt_file" }],
    stdin: PROMPT_FILE,
    warnings: ignored(request),
  };
}

function argvOf({ command }: HarnessRequest): readonly string[] {
  if (command?.[0]?.trim()) return command;
  throw new Fault("INPUT_INVALID", 'The harness "command" needs a program to run.', {
    hint: 'Give command as an argv list, for example ["make", "test"].',
  });
}

function ignored({ model, effort, mcpServers, permissionMode }: HarnessRequest): readonly string[] {
  const given = [
    Object.keys(mcpServers).length === 0 ? null : "mcp_servers",
    model === null ? null : "model",
    effort === null ? null : "effort",
    permissionMode === "default" ? null : "permission_mode",
  ].filter((name) => name !== null);
  return given.map((name) => `${name} means nothing to the harness "command" and was ignored.`);
}

function judge(exit: ExitFacts): { readonly ok: boolean; readonly reason: string } {
  const ok = exit.code === 0 && exit.signal === null;
  return { ok, reason: ok ? "completed" : describeExit(exit) };
}
