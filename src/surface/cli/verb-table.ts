/** The verbs in the order of `corral --help`. Each is loaded only when it is asked for. */
import type { Verb } from "./verb.ts";

export interface VerbEntry {
  readonly summary: string;
  /** Imports the verb's own file; everything it needs comes with it, nothing before. */
  readonly load: () => Promise<Verb>;
  /** True when nothing is lost by ending it half way, as soon as nobody reads its output. */
  readonly onlyLooks: boolean;
}

export const VERBS = {
  up: {
    summary: "start the daemon in the background and say how to connect to it",
    load: async () => (await import("./verbs/up.ts")).up,
    onlyLooks: false,
  },
  down: {
    summary: "end every agent, give everything back, and stop the daemon",
    load: async () => (await import("./verbs/down.ts")).down,
    onlyLooks: false,
  },
  detach: {
    summary: "stop the daemon and keep the agents running (for an upgrade)",
    load: async () => (await import("./verbs/detach.ts")).detach,
    onlyLooks: false,
  },
  status: {
    summary: "show the daemon and its tasks",
    load: async () => (await import("./verbs/status.ts")).status,
    onlyLooks: true,
  },
  open: {
    summary: "print a link to the dashboard, and open it in the browser",
    load: async () => (await import("./verbs/open.ts")).open,
    onlyLooks: false,
  },
  ps: {
    summary: "list agents",
    load: async () => (await import("./verbs/ps.ts")).ps,
    onlyLooks: true,
  },
  top: {
    summary: "watch all agents on one screen, and act on them",
    load: async () => (await import("./verbs/top.ts")).top,
    onlyLooks: true,
  },
  task: {
    summary: "list tasks, show one, or close one",
    load: async () => (await import("./verbs/task.ts")).task,
    onlyLooks: false,
  },
  deploy: {
    summary: "start an agent",
    load: async () => (await import("./verbs/deploy.ts")).deploy,
    onlyLooks: false,
  },
  resume: {
    summary: "go on with an agent that has ended, with a new message",
    load: async () => (await import("./verbs/resume.ts")).resume,
    onlyLooks: false,
  },
  send: {
    summary: "send a message to a running agent",
    load: async () => (await import("./verbs/send.ts")).send,
    onlyLooks: false,
  },
  messages: {
    summary: "say what became of the messages to an agent",
    load: async () => (await import("./verbs/messages.ts")).messages,
    onlyLooks: true,
  },
  logs: {
    summary: "print what an agent printed",
    load: async () => (await import("./verbs/logs.ts")).logs,
    onlyLooks: true,
  },
  search: {
    summary: "search all findings, reports and final results of all tasks",
    load: async () => (await import("./verbs/search.ts")).search,
    onlyLooks: true,
  },
  archive: {
    summary: "list, show, export or delete what is kept of agents that have ended",
    load: async () => (await import("./verbs/archive.ts")).archive,
    onlyLooks: false,
  },
  attach: {
    summary: "look over an agent's shoulder",
    load: async () => (await import("./verbs/attach.ts")).attach,
    onlyLooks: true,
  },
  kill: {
    summary: "stop an agent and everything it started",
    load: async () => (await import("./verbs/kill.ts")).kill,
    onlyLooks: false,
  },
  wait: {
    summary: "wait until agents have ended and everything is given back",
    load: async () => (await import("./verbs/wait.ts")).wait,
    onlyLooks: true,
  },
  quota: {
    summary: "say which accounts of agent CLIs have used up their quota, and until when",
    load: async () => (await import("./verbs/quota.ts")).quota,
    onlyLooks: false,
  },
  ledger: {
    summary: "list the resources that are held, and by whom (works with no daemon)",
    load: async () => (await import("./verbs/ledger.ts")).ledger,
    onlyLooks: true,
  },
  sweep: {
    summary: "find, and with --apply release, what no live owner holds (works with no daemon)",
    load: async () => (await import("./verbs/sweep.ts")).sweep,
    onlyLooks: false,
  },
  doctor: {
    summary: "say what works on this machine and what does not (works with no daemon)",
    load: async () => (await import("./verbs/doctor.ts")).doctor,
    onlyLooks: true,
  },
  install: {
    summary: "make Corral known to an MCP client, after showing what it would change",
    load: async () => (await import("./verbs/install.ts")).install,
    onlyLooks: false,
  },
  mcp: {
    summary: "speak MCP on stdin and stdout, for a client to start",
    load: async () => (await import("./verbs/mcp.ts")).mcp,
    onlyLooks: false,
  },
  daemon: {
    summary: "be the daemon, in the foreground",
    load: async () => (await import("./verbs/daemon.ts")).daemon,
    onlyLooks: false,
  },
  demo: {
    summary: "see it work: four agents, two of them badly behaved, and proof that nothing is left",
    load: async () => (await import("./verbs/demo.ts")).demo,
    onlyLooks: false,
  },
} as const satisfies Record<string, VerbEntry>;

export type VerbName = keyof typeof VERBS;
export const VERB_NAMES = Object.keys(VERBS) as readonly VerbName[];

/** True for a published verb. */
export function isVerb(word: string | undefined): word is VerbName {
  return word !== undefined && Object.hasOwn(VERBS, word);
}
