/** A daemon as our own child, with the flags and the environment that every way of starting one gives it. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { daemonArgv, daemonEnvironment } from "../bin/daemon-process.js";

/** @param inspected  Flags of Node's more, `--inspect=…` say. */
export function spawnDaemon(
  launcher: string,
  env: Readonly<Record<string, string>>,
  stdio: StdioOptions = "ignore",
  inspected: readonly string[] = [],
): ChildProcess {
  const [program = "", ...words] = daemonArgv(launcher);
  return spawn(program, [...inspected, ...words], { env: daemonEnvironment(env), stdio });
}
