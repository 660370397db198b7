/**
 * A real terminal of a test's own: one pane of a tmux server on a socket below the world's folder.
 *
 *   await using terminal = await makeTerminal(world, { columns: 120, rows: 30 });
 *   terminal.type("corral top\n");
 *   await terminal.shows(/live agent/);
 */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { waitFor } from "./daemon-process.ts";
import type { World } from "./world.ts";

const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");
const SHOWN_MS = 30_000;

/** Where it is not installed, what needs a terminal is skipped. */
export const HAS_TMUX = spawnSync("tmux", ["-V"]).status === 0;

export interface TestTerminal extends AsyncDisposable {
  /** What `corral` is called in this terminal's shell: `$CORRAL`. Types text as it is; `\n` is Enter. */
  type(text: string): void;
  /** Presses a key by tmux's name for it: `Up`, `Escape`, `C-c`. */
  press(...keys: readonly string[]): void;
  /** The lines in sight, without what is blank at their ends. */
  lines(): readonly string[];
  /** Waits until a line matches. @returns it. */
  shows(pattern: RegExp): Promise<string>;
  /** Waits until no line matches. */
  hides(pattern: RegExp): Promise<void>;
  /** Waits until the shell takes the next line: what is typed before may be lost. */
  prompts(): Promise<void>;
  resize(columns: number, rows: number): void;
  /** A fact that tmux knows of the pane, `#{alternate_on}`. */
  fact(name: string): string;
}

/** Opens a shell in a terminal. tmux must be installed. */
export async function makeTerminal(
  world: World,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  env: Readonly<Record<string, string>> = {},
): Promise<TestTerminal> {
  const socket = join(world.folder, "terminal.sock");
  const tmux = (...args: readonly string[]): string =>
    execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], {
      env: { ...world.env, ...env, PS1: "$ ", ENV: "", CORRAL: `${process.execPath} ${LAUNCHER}` },
      cwd: world.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  tmux("new-session", "-d", "-s", "t", "-x", String(columns), "-y", String(rows), "/bin/sh");
  tmux("set-option", "-g", "escape-time", "0");
  const lines = (): readonly string[] =>
    tmux("capture-pane", "-p", "-t", "t")
      .split("\n")
      .map((line) => line.trimEnd());
  const seen = async <T>(what: string, look: () => T | undefined): Promise<T> => {
    try {
      return await waitFor(what, look, SHOWN_MS);
    } catch (error) {
      throw new Error(`${what} never came; the terminal shows:\n${lines().join("\n")}`, {
        cause: error,
      });
    }
  };
  return {
    type: (text) => {
      for (const [at, part] of text.split("\n").entries()) {
        if (at > 0) tmux("send-keys", "-t", "t", "Enter");
        if (part !== "") tmux("send-keys", "-t", "t", "-l", part);
      }
    },
    press: (...keys) => void tmux("send-keys", "-t", "t", ...keys),
    lines,
    shows: (pattern) => seen(String(pattern), () => lines().find((line) => pattern.test(line))),
    hides: async (pattern) => {
      await seen(`nothing like ${pattern}`, () =>
        lines().some((line) => pattern.test(line)) ? undefined : true,
      );
    },
    prompts: async () => {
      await seen("a prompt", () => (/^[#$]$/.test(lastOf(lines())) ? true : undefined));
    },
    resize: (width, height) =>
      void tmux("resize-window", "-t", "t", "-x", String(width), "-y", String(height)),
    fact: (name) => tmux("display-message", "-p", "-t", "t", `#{${name}}`).trim(),
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
    },
  };
}

function lastOf(lines: readonly string[]): string {
  return lines.findLast((line) => line !== "") ?? "";
}
