/** Where runners live on this machine: tmux where it is to be had, else detached processes. */
import { fileURLToPath } from "node:url";
import type { OpenContainment } from "../adapters/containment/open-containment.ts";
import { processHost } from "../adapters/process/process-host.ts";
import { tmuxHost, tmuxVersion } from "../adapters/tmux/tmux-host.ts";
import { asFault, type Fault } from "../kernel/fault.ts";
import { RUNNER_SCRIPT } from "../runner/runner-script.ts";
import type { Configuration } from "../supervision/configuration.ts";
import type { Host } from "../supervision/ports.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";

export interface Hosts {
  /** Where new agents live. */
  readonly chosen: Host;
  /** Both kinds: agents of earlier days may live in the other one. */
  readonly tmux: Host;
  readonly process: Host;
}

/** Asks tmux for its version, for {@link openHosts}: it answers while other things are opened. */
export function askTmux({ tmuxSocket }: StatePaths, env: PathEnvironment): Promise<string> {
  const asked = tmuxVersion({ env: serverEnvironment(env), socket: tmuxSocket });
  // What it throws is thrown where it is awaited.
  asked.catch(() => undefined);
  return asked;
}

/**
 * Opens both kinds of host and chooses one as the setting `host` says.
 *
 * @param version  What {@link askTmux} gave.
 * @throws {Fault} HOST_UNREACHABLE when the setting asks for tmux and it cannot be used.
 */
export async function openHosts(
  paths: StatePaths,
  env: PathEnvironment,
  { host }: Configuration,
  containment: OpenContainment,
  version: Promise<string>,
): Promise<Hosts> {
  const shared = {
    runnerScript: RUNNER_SCRIPT,
    mark: containment.infrastructure,
    prlimit: containment.prlimit,
    env: serverEnvironment(env),
    identify: (pid: number) => containment.identify(pid),
  };
  const detached = (reason: string): Host => processHost({ ...shared, reason });
  try {
    const viewer = (agentId: string) => [
      "/usr/bin/env",
      `CORRAL_STATE_DIR=${paths.stateDir}`,
      process.execPath,
      LAUNCHER,
      "logs",
      "-f",
      "--pretty",
      agentId,
    ];
    const tmux = await tmuxHost({ ...shared, socket: paths.tmuxSocket, viewer, version });
    const processes = detached('the setting host is "process"');
    return { chosen: host === "process" ? processes : tmux, tmux, process: processes };
  } catch (error) {
    const fault = asFault(error);
    if (host === "tmux") throw fault;
    const processes = detached(fault.message);
    return { chosen: processes, tmux: absentTmux(fault), process: processes };
  }
}

/** Without tmux nothing can be said about sessions of earlier days: every question is answered so. */
function absentTmux(fault: Fault): Host {
  const refuse = async (): Promise<never> => {
    throw fault;
  };
  return {
    kind: "tmux",
    detail: fault.message,
    start: refuse,
    release: refuse,
    look: refuse,
    list: refuse,
    serverPid: refuse,
    close: refuse,
    onEnded: () => () => undefined,
  };
}

const LAUNCHER = fileURLToPath(new URL("../../bin/corral.js", import.meta.url));

/** The tmux server's own environment, and so the runners': agents get theirs from their launch script. */
function serverEnvironment(env: PathEnvironment): Readonly<Record<string, string>> {
  return {
    PATH: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: env["HOME"] ?? "/",
    SHELL: "/bin/sh",
    TERM: "screen-256color",
    LANG: env["LANG"] ?? "C.UTF-8",
  };
}
