/** Processes that have nothing to do with Corral: they fill the machine, and none may be touched. */
import { type ChildProcess, spawn } from "node:child_process";
import { endChild } from "../helpers/daemon-process.ts";
import { processes } from "../helpers/os-look.ts";

export interface Crowd extends AsyncDisposable {
  /** Of the crowd and of everything else, when it had come together. */
  readonly machineProcesses: number;
  /** How many of the crowd have ended. */
  gone(): number;
}

/** Starts sleepers until the machine has that many processes. */
export async function makeCrowd(machineProcesses: number): Promise<Crowd> {
  const wanted = Math.max(0, machineProcesses - processes().length);
  const sleepers = Array.from({ length: wanted }, sleeper);
  return {
    machineProcesses: processes().length,
    gone: () => sleepers.filter(hasEnded).length,
    async [Symbol.asyncDispose]() {
      await Promise.all(sleepers.map((child) => endChild(child, 5_000, "SIGKILL")));
    },
  };
}

function sleeper(): ChildProcess {
  return spawn("sleep", ["3600000"], { cwd: "/", env: {}, stdio: "ignore" });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
