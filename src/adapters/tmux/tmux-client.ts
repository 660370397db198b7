/** Runs tmux, one invocation at a time, with argv and never through a shell. */
import { execFile } from "node:child_process";
import { Fault } from "../../kernel/fault.ts";

export interface TmuxAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TmuxClientOptions {
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tmux: string;
  /** Words before tmux: what marks the server, should this client have to start it. */
  readonly before: readonly string[];
}

export interface TmuxClient {
  /**
   * Runs commands in one invocation; the first that fails ends it. Commands of tmux that failed
   * are an answer (`ok: false`). May be called at the same time as itself.
   * @throws {Fault} HOST_UNREACHABLE when tmux could not be run or did not answer in 5 s.
   */
  run(...commands: readonly (readonly string[])[]): Promise<TmuxAnswer>;
  /** "tmux 3.3a". @throws {Fault} HOST_UNREACHABLE. */
  version(): Promise<string>;
  /** True for the two answers that say no server listens; any other failure is uncertain. */
  isAbsent(answer: TmuxAnswer): boolean;
  unreachable(reason: string): Fault;
}

const TIMEOUT_MS = 5_000;
const ABSENT = [/^no server running on /, /^error connecting to .* \(No such file or directory\)$/];

export function tmuxClient({ socket, env, tmux, before }: TmuxClientOptions): TmuxClient {
  const [prefix, ...rest] = before;
  const program = prefix ?? tmux;
  const words = prefix === undefined ? [] : [...rest, tmux];
  return {
    run: async (...commands) =>
      exec(["-S", socket, "-f", "/dev/null", ...commands.flatMap(joinCommand)]),
    version: async () => {
      const { ok, stdout, stderr } = await exec(["-V"]);
      if (!ok) throw unreachable(stderr);
      return stdout.trim();
    },
    isAbsent: ({ stderr }) => ABSENT.some((pattern) => pattern.test(stderr.trim())),
    unreachable,
  };

  async function exec(args: readonly string[]): Promise<TmuxAnswer> {
    return new Promise((resolve, reject) => {
      const options = { env: { ...env }, timeout: TIMEOUT_MS, killSignal: "SIGKILL" as const };
      execFile(program, [...words, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve({ ok: true, stdout, stderr });
        else if (typeof error.code === "number") resolve({ ok: false, stdout, stderr });
        else reject(unreachable(error.killed ? `no answer in ${TIMEOUT_MS} ms` : error.message));
      });
    });
  }

  function unreachable(reason: string): Fault {
    return new Fault("HOST_UNREACHABLE", `tmux on "${socket}" did not serve: ${reason.trim()}.`, {
      hint: 'Run "corral doctor"; agents run on meanwhile, and the call may be repeated.',
      details: { socket },
    });
  }
}

/** tmux takes an argument that ends in `;` for the end of a command, unless it is escaped. */
function joinCommand(command: readonly string[], index: number): readonly string[] {
  const words = command.map((word) => (word.endsWith(";") ? `${word.slice(0, -1)}\\;` : word));
  return index === 0 ? words : [";", ...words];
}
