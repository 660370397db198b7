/**
 * Words before a runner's shell, `strace …` for instance: laid over `spawn` of node:child_process in the daemon
 * of a test, so that a runner that the process host starts is struck from its first system call on.
 */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";

let words: readonly string[] = [];

/** Puts these words before every runner's shell from now on; none takes them away. */
export function putBeforeRunners(before: readonly string[]): void {
  words = before;
}

/** Lays it over this process, once. */
export function layOverSpawn(): void {
  const spawn = childProcess.spawn as (...args: unknown[]) => unknown;
  Object.assign(childProcess, {
    spawn(program: string, args: readonly string[], ...rest: unknown[]) {
      const all = [program, ...args];
      const shell = all.indexOf(RUNNER_SCRIPT) - 1;
      if (shell < 0 || words.length === 0) return spawn(program, args, ...rest);
      const [first, ...others] = all.toSpliced(shell, 0, ...words);
      return spawn(first, others, ...rest);
    },
  });
  // Whoever imported the name sees the new one, too.
  syncBuiltinESMExports();
}
