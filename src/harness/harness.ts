/**
 * A harness knows one kind of agent CLI: how to start it, and what its stream says.
 * Pure: it answers with argv, environment and files to write; others write and start.
 */
import type { HarnessName, Usage } from "../contract/agent.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { MessageId } from "../kernel/ids.ts";

/** A further MCP server of the agent's: a program that it starts, or an address. */
export type McpServer =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly url: string; readonly headers: Readonly<Record<string, string>> };

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
  /** What it may cost, for a CLI that sees to that itself; null for no limit. US dollars. */
  readonly maxCostUsd: number | null;
  /** The agent's own directory (0700) in which its files may be placed. */
  readonly directory: string;
  /** MCP access to Corral with the agent's own token. */
  readonly mcp: { readonly url: string; readonly token: string };
  /** Further MCP servers by name; none is called "corral". */
  readonly mcpServers: Readonly<Record<string, McpServer>>;
  /** The daemon's environment under the caller's: tells where the user's own files lie. */
  readonly environment: Environment;
  /** Texts of the files that {@link Harness.userFiles} named; null where there is none. */
  readonly userFiles: Readonly<Record<string, string | null>>;
  /** True when Corral runs as root: some CLIs refuse to skip permissions then. */
  readonly isRoot: boolean;
  /** The CLI's own id of the session that this run goes on with; absent for a new one. */
  readonly session?: string;
  /** A shell command that closes the agent's own input, and never waits; for a CLI that has one. */
  readonly endInput: string;
}

/** An agent that has ended, as far as its session hangs on it. */
export interface EarlierRun {
  /** Letters, digits, dashes and underscores; begins with neither of the last two. */
  readonly session: string;
  /** Its own directory. */
  readonly directory: string;
  readonly environment: Environment;
}

/** Where a CLI keeps a session as files. */
export interface SessionPlace {
  /** The folder below which it lies. Absolute. */
  readonly root: string;
  /** How the name of a file of it ends, before what {@link extensions} says. */
  readonly nameEnds: string;
  readonly extensions: readonly string[];
  /** Where the folder is copied to in the directory of the new run; null: the CLI finds it where it is. */
  readonly carryTo: string | null;
}

/** How a harness goes on with a session. {@link HarnessRequest.session} then has its id. */
export interface ResumeRoad {
  /**
   * What its totals count in a run that goes on: that run; the whole conversation; or the conversation
   * since its last run that ended by itself, where the CLI has kept that, else the run.
   */
  readonly counts: "run" | "conversation" | "finished-runs";
  /** Where the session lies; null when no file shows it: then the CLI itself says that it is gone. */
  place(earlier: EarlierRun): SessionPlace | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface FileToWrite {
  /** Path inside the agent's directory; its folders are made 0700. */
  readonly name: string;
  readonly text: string;
  /** The ledger kind under which it is released. */
  readonly kind: "prompt_file" | "agent_config";
}

/** A file of the user's that the CLI looks for in a home of the agent's own. */
export interface LinkToMake {
  /** Path inside the agent's directory. */
  readonly name: string;
  /** Absolute. Where nothing is there, no link is made. */
  readonly target: string;
}

/** How to start one agent. */
export interface LaunchPlan {
  /** argv[0] is a name to look up in the agent's PATH or an absolute path. */
  readonly argv: readonly string[];
  /** What the harness itself sets; the caller's `env` is laid over it. */
  readonly env: Readonly<Record<string, string>>;
  /** What the harness sets over the caller's `env`: without it the agent would not be its own. */
  readonly fixedEnv?: Readonly<Record<string, string>>;
  /** Names taken over from the daemon's environment when they are set there. */
  readonly envAllow: readonly string[];
  /** Written 0600 before the start. */
  readonly files: readonly FileToWrite[];
  /** Made before the start and taken away at the end; what they lead to is the user's and stays. */
  readonly links?: readonly LinkToMake[];
  /** File in the directory that becomes stdin; null is /dev/null. With an input, the first that is read from it. */
  readonly stdin: string | null;
  /**
   * True when stdin stays open for {@link Harness.inputLine} until the CLI itself, by
   * {@link HarnessRequest.endInput}, or the daemon closes it.
   */
  readonly hasInput?: true;
  /** For the deploy answer: what was chosen for the caller. */
  readonly warnings: readonly string[];
}

/** One thing that a stream said, in Corral's words. */
export type StreamEvent =
  | { readonly type: "started"; readonly sessionId: string | null; readonly model: string | null }
  /** `partial`: the text goes on in the next event, without a break. */
  | { readonly type: "text"; readonly text: string; readonly partial?: true }
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
  /** A call that its rules do not allow: refused by itself, or waiting for somebody's word. */
  | {
      readonly type: "permission_needed";
      readonly tool: string;
      readonly message: string;
      readonly isDenied: boolean;
    }
  /**
   * What one more turn used up: to be added to what came before. A turn that is told in several lines
   * has a `turn`, and is counted once.
   */
  | { readonly type: "usage"; readonly usage: Usage; readonly turn?: string }
  /**
   * Something came by its input: the CLI has it, or its model is told of it as well.
   * `id`: the message that it is; null for its prompt and for what is none of ours.
   */
  | {
      readonly type: "input";
      readonly id: MessageId | null;
      readonly isTold: boolean;
      readonly text: string;
    }
  /** The CLI asks its model once more. */
  | { readonly type: "retry"; readonly error: string; readonly attempt: number | null }
  /** The provider refuses for now. Where it names a time: until when, or for how many milliseconds. */
  | {
      readonly type: "rate_limited";
      readonly message: string;
      readonly attempt: number | null;
      readonly until: EpochMs | null;
      readonly waitMs: number | null;
    }
  | {
      readonly type: "result";
      readonly isError: boolean;
      /** The last words; empty where the CLI gives them in its text events only. */
      readonly text: string;
      /** Of the whole run; null where it is told by `usage` events. */
      readonly usage: Usage | null;
      /** Calls that were denied, as the CLI counts them; null where it does not count. */
      readonly permissionDenials: number | null;
    }
  | { readonly type: "error"; readonly message: string }
  /** Valid JSON that this harness does not know: passed through and counted, never fatal. */
  | { readonly type: "unknown"; readonly raw: unknown }
  /** A line that is no JSON: plain output. */
  | { readonly type: "plain"; readonly line: string };

/** Which messages a model has read, as its stream shows; see src/output/heard.ts. */
export interface Heard {
  /** The model has said something: it has read its prompt. */
  readonly hasSpoken: boolean;
  /** A failure was told last: the text behind it may be the failure's, in the model's place. */
  readonly isFailing: boolean;
  /** Messages that the CLI has taken from its input, oldest first; a bounded number of the newest. */
  readonly taken: readonly MessageId[];
  /** Messages in answers, or told by the input, that the model has not gone on after yet. */
  readonly before: readonly MessageId[];
  /** Messages that it has gone on after, oldest first; a bounded number of the newest. */
  readonly read: readonly MessageId[];
}

/** What the whole stream amounts to. */
export interface StreamOutcome {
  /** The last result event; null when there was none. */
  readonly result: Extract<StreamEvent, { type: "result" }> | null;
  readonly sessionId: string | null;
  readonly usage: Usage | null;
  /** The sum of what single answers told; null where they tell nothing. */
  readonly answers: Usage | null;
  /** The newest turns that were counted, of those that have a name. */
  readonly turnsCounted: readonly string[];
  /** The last error the stream told of; null when none. */
  readonly lastError: string | null;
  /** Calls that were denied, counted from the stream itself. */
  readonly denials: number;
  /** The beginning of the last thing that the agent said; "" before it said anything. */
  readonly lastText: string;
  /** True while a partial text may go on in the next event. */
  readonly isTextOpen: boolean;
  /** Events of kinds that the harness does not know. */
  readonly unknown: number;
  /** Which messages its model has read. */
  readonly heard: Heard;
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
  /** How to log in to it, imperative, no full stop; empty for `command`. */
  readonly login: string;
  /** What stands before the names of Corral's tools where this CLI shows them to its model. */
  readonly toolPrefix: string;
  /** True for a CLI that prints a tool call only when it is over. */
  readonly hidesCalls?: true;
  /**
   * Files of the user's that the plan depends on. Absolute paths; absent means none.
   * @param cwd  Where the agent is to work. Absolute.
   */
  userFiles?(environment: Environment, cwd?: string): readonly string[];
  /** A message as a line for the CLI's input, with its newline; absent: it takes none while it works. */
  inputLine?(id: MessageId, text: string): string;
  /** How it goes on with a session of its CLI; absent: it cannot. */
  readonly resume?: ResumeRoad;
  /** @throws {Fault} INPUT_INVALID. */
  plan(request: HarnessRequest): LaunchPlan;
  /** The events of one whole line (without its newline); never throws; usually one, sometimes several. */
  events(line: string): readonly StreamEvent[];
  /** The same for a line of stderr, where a CLI tells of retries there and nowhere else. Absent: it does not. */
  stderrEvents?(line: string): readonly StreamEvent[];
  /** Judges an end: completed or failed, with a reason for people. */
  judge(exit: ExitFacts, outcome: StreamOutcome): { readonly ok: boolean; readonly reason: string };
}
