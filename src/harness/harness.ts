/**
 * A harness knows one kind of agent CLI: how to start it, and what its stream says.
 * Pure: it answers with argv, environment and files to write; others write and start.
 */
import type { HarnessName, Usage } from "../contract/agent.ts";

/** What a harness is told about the run that it prepares. */
export interface HarnessRequest {
  readonly taskId: string;
  readonly agentId: string;
  readonly agentType: string;
  /** The whole prompt, preamble included. */
  readonly prompt: string;
  readonly model: string | null;
  readonly effort: string | null;
  /** argv of the user's, for the `command` harness. */
  readonly command: readonly string[] | null;
  readonly permissionMode: "default" | "plan" | "skip";
  /** The agent's own directory (0700) in which its files may be placed. */
  readonly directory: string;
  /** MCP access to Corral with the agent's own token. */
  readonly mcp: { readonly url: string; readonly token: string };
  /** True when Corral runs as root: some CLIs refuse to skip permissions then. */
  readonly isRoot: boolean;
}

export interface FileToWrite {
  /** Name inside the agent's directory; no slash. */
  readonly name: string;
  readonly text: string;
  /** The ledger kind under which it is released. */
  readonly kind: "prompt_file" | "agent_config";
}

/** How to start one agent. */
export interface LaunchPlan {
  /** argv[0] is a name to look up in the agent's PATH or an absolute path. */
  readonly argv: readonly string[];
  /** What the harness itself sets; the caller's `env` is laid over it. */
  readonly env: Readonly<Record<string, string>>;
  /** Names taken over from the daemon's environment when they are set there. */
  readonly envAllow: readonly string[];
  /** Written 0600 before the start. */
  readonly files: readonly FileToWrite[];
  /** File in the directory that becomes stdin; null is /dev/null. */
  readonly stdin: string | null;
  /** For the deploy answer: what was chosen for the caller. */
  readonly warnings: readonly string[];
}

/** One thing that a stream said, in Corral's words. */
export type StreamEvent =
  | { readonly type: "started"; readonly sessionId: string | null; readonly model: string | null }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly text: string }
  | {
      readonly type: "tool_call";
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
    }
  | {
      readonly type: "tool_result";
      readonly id: string;
      readonly text: string;
      readonly isError: boolean;
    }
  | { readonly type: "retry"; readonly error: string; readonly attempt: number | null }
  | {
      readonly type: "result";
      readonly isError: boolean;
      readonly text: string;
      readonly usage: Usage;
      readonly permissionDenials: number;
    }
  | { readonly type: "error"; readonly message: string }
  /** Valid JSON that this harness does not know: passed through and counted, never fatal. */
  | { readonly type: "unknown"; readonly raw: unknown }
  /** A line that is no JSON: plain output. */
  | { readonly type: "plain"; readonly line: string };

/** What the whole stream amounts to. */
export interface StreamOutcome {
  /** The last result event; null when there was none. */
  readonly result: Extract<StreamEvent, { type: "result" }> | null;
  readonly sessionId: string | null;
  readonly usage: Usage | null;
  /** The last error the stream told of; null when none. */
  readonly lastError: string | null;
}

/** How the process ended, as its runner wrote it down. */
export interface ExitFacts {
  /** 0 to 255; null when a signal ended it or nothing is known. */
  readonly code: number | null;
  /** `"SIGKILL"` …; null when it exited by itself. */
  readonly signal: string | null;
}

export interface Harness {
  readonly name: HarnessName;
  /** The program that must be installed; null when the caller brings argv. */
  readonly program: string | null;
  /** How to install it, imperative, one sentence; empty for `command`. */
  readonly installHint: string;
  plan(request: HarnessRequest): LaunchPlan;
  /** The events of one whole line (without its newline); never throws; usually one, sometimes several. */
  events(line: string): readonly StreamEvent[];
  /** Judges an end: completed or failed, with a reason for people. */
  judge(exit: ExitFacts, outcome: StreamOutcome): { readonly ok: boolean; readonly reason: string };
}
