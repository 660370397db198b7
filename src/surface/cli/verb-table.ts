/** The verbs in the order of `corral --help`. Each is loaded only when it is asked for. */
import type { Verb } from "./verb.ts";

export interface VerbEntry {
  readonly summary: string;
  /** Imports the verb's own file; everything it needs comes with it, nothing before. */
  readonly load: () => Promise<Verb>;
}

export const VERBS = {
  up: {
    summary: "start the daemon in the background and say how to connect to it",
    load: async () => (await import("./verbs/up.ts")).up,
  },
  down: {
    summary: "end every agent, give everything back, and stop the daemon",
    load: async () => (await import("./verbs/down.ts")).down,
  },
  detach: {
    summary: "stop the daemon and keep the agents running (for an upgrade)",
    load: async () => (await import("./verbs/detach.ts")).detach,
  },
  status: {
    summary: "show the daemon and its tasks",
    load: async () => (await import("./verbs/status.ts")).status,
  },
  ps: {
    summary: "list agents",
    load: async () => (await import("./verbs/ps.ts")).ps,
  },
  task: {
    summary: "list tasks, or show one",
    load: async () => (await import("./verbs/task.ts")).task,
  },
  deploy: {
    summary: "start an agent",
    load: async () => (await import("./verbs/deploy.ts")).deploy,
  },
  logs: {
    summary: "print what an agent printed",
    load: async () => (await import("./verbs/logs.ts")).logs,
  },
  attach: {
    summary: "look over an agent's shoulder",
    load: async () => (await import("./verbs/attach.ts")).attach,
  },
  kill: {
    summary: "stop an agent and everything it started",
    load: async () => (await import("./verbs/kill.ts")).kill,
  },
  wait: {
    summary: "wait until agents have ended and everything is given back",
    load: async () => (await import("./verbs/wait.ts")).wait,
  },
  ledger: {
    summary: "list the resources that are held, and by whom (works with no daemon)",
    load: async () => (await import("./verbs/ledger.ts")).ledger,
  },
  sweep: {
    summary: "find, and with --apply release, what no live owner holds (works with no daemon)",
    load: async () => (await import("./verbs/sweep.ts")).sweep,
  },
  doctor: {
    summary: "say what works on this machine and what does not (works with no daemon)",
    load: async () => (await import("./verbs/doctor.ts")).doctor,
  },
  mcp: {
    summary: "speak MCP on stdin and stdout, for a client to start",
    load: async () => (await import("./verbs/mcp.ts")).mcp,
  },
  daemon: {
    summary: "be the daemon, in the foreground",
    load: async () => (await import("./verbs/daemon.ts")).daemon,
  },
  demo: {
    summary: "see it work: four agents, two of them badly behaved, and proof that nothing is left",
    load: async () => (await import("./verbs/demo.ts")).demo,
  },
} as const satisfies Record<string, VerbEntry>;

export type VerbName = keyof typeof VERBS;
export const VERB_NAMES = Object.keys(VERBS) as readonly VerbName[];

/** True for a published verb. */
export function isVerb(word: string | undefined): word is VerbName {
  return word !== undefined && Object.hasOwn(VERBS, word);
}
