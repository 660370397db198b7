/**
 * The command line that scripts rely on, frozen by hand. A change here is a change to what
 * people have written down.
 */
import { Command } from "commander";
import { expect, test } from "vitest";
import type { FaultCode } from "../../src/kernel/fault.ts";
import { FAULT_CODES, Fault } from "../../src/kernel/fault.ts";
import { EXIT, exitCodeOf } from "../../src/surface/cli/exit-codes.ts";
import { statePaths } from "../../src/surface/cli/state-paths.ts";
import type { VerbName } from "../../src/surface/cli/verb-table.ts";
import { VERB_NAMES, VERBS } from "../../src/surface/cli/verb-table.ts";
import { buildProgram } from "../../src/surface/cli/program.ts";
import type { CliPorts } from "../../src/surface/cli/ports.ts";

const PUBLISHED: Readonly<Record<VerbName, readonly string[]>> = {
  up: ["--json"],
  down: ["--json"],
  detach: ["--json"],
  status: ["--json"],
  open: ["--print", "--json"],
  ps: ["-a, --all", "--task <id>", "--json"],
  top: ["--task <id>", "--sort <column>", "-a, --all", "--interval <seconds>", "--once", "--json"],
  task: [
    "list -a, --all --limit <n> --json",
    "show <task> --json",
    "close <task> --cancelled --reason <text> --json",
    "--json",
  ],
  deploy: [
    "[argv...]",
    "--task <id>",
    "--describe <text>",
    "--type <word>",
    "--harness <name>",
    "--model <name>",
    "--effort <level>",
    "--permission-mode <mode>",
    "--mcp-config <file>",
    "--cwd <folder>",
    "--wall-clock <seconds>",
    "--max-tokens <n>",
    "--max-cost-usd <usd>",
    "--on-quota <what>",
    "--on-daemon-gone <what>",
    "--env <key=value>",
    "--prompt <text>",
    "--prompt-file <file>",
    "--wait",
    "--json",
  ],
  resume: [
    "<agent>",
    "[message]",
    "--model <name>",
    "--effort <level>",
    "--permission-mode <mode>",
    "--mcp-config <file>",
    "--wall-clock <seconds>",
    "--env <key=value>",
    "--wait",
    "--json",
  ],
  send: ["<agent>", "<text>", "--json"],
  messages: ["<agent>", "--limit <n>", "--json"],
  logs: [
    "<agent>",
    "-f, --follow",
    "--tail <lines>",
    "--since <time>",
    "--grep <pattern>",
    "--stderr",
    "--pretty",
    "--json",
  ],
  search: [
    "<words...>",
    "--task <id>",
    "--agent <id>",
    "--kind <kind>",
    "--since <time>",
    "--limit <n>",
    "--cursor <n>",
    "--json",
  ],
  archive: [
    "list --task <id> --json",
    "show <agent> --json",
    "export <agent> <to> --unredacted --tar --json",
    "prune [agent...] --task <id> --older-than <days> --keep <bytes> --dry-run --json",
    "--json",
  ],
  attach: ["<agent>", "--json"],
  kill: ["<agent>", "--reason <text>", "--grace <seconds>", "--json"],
  wait: [
    "[agent...]",
    "--task <id>",
    "--any",
    "--count <n>",
    "--for <what>",
    "--timeout <seconds>",
    "--json",
  ],
  quota: ["reset <harness> --json", "--json"],
  ledger: ["[owner]", "-a, --all", "--json"],
  sweep: ["--apply", "--plan <id>", "--json"],
  doctor: ["--orphans", "--json"],
  install: ["<client>", "--scope <scope>", "--undo", "--dry-run", "-y, --yes", "--json"],
  mcp: ["--json"],
  daemon: ["--json"],
  demo: ["--json"],
};

test("the published verbs are exactly these, in this order", () => {
  expect(VERB_NAMES).toEqual(Object.keys(PUBLISHED));
});

const ports = {
  version: "1.2.3",
  terminal: { line: () => {}, note: () => {} },
} as unknown as CliPorts;

async function commandOf(name: VerbName): Promise<Command> {
  const program = await buildProgram([name], ports, { exit: 0 });
  const found = program.commands.find((command) => command.name() === name);
  return found ?? new Command("absent");
}

const argumentsOf = (command: Command): readonly string[] =>
  command.registeredArguments.map((it) => {
    const word = it.variadic ? `${it.name()}...` : it.name();
    return it.required ? `<${word}>` : `[${word}]`;
  });

const flagsOf = (command: Command): readonly string[] => [
  ...argumentsOf(command),
  ...command.commands.map((it) => [it.name(), ...flagsOf(it)].join(" ")),
  ...command.options.map(({ flags }) => flags),
];

test.for(VERB_NAMES)("corral %s takes exactly what is published", async (name) => {
  expect(flagsOf(await commandOf(name))).toEqual(PUBLISHED[name]);
});

test.for(VERB_NAMES)("corral %s --help ends with one example", async (name) => {
  const command = await commandOf(name);
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  expect(help).toContain(VERBS[name].summary.slice(0, 30));
  expect(help.match(/^Example:\n {2}\$ \S.+$/gm)).toHaveLength(1);
});

test("the exit codes are exactly these", () => {
  expect(EXIT).toEqual({
    ok: 0,
    notCompleted: 1,
    usage: 2,
    notFound: 3,
    busy: 4,
    refused: 5,
    unavailable: 6,
    bug: 70,
    interrupted: 130,
  });
});

const CODE_EXITS: Readonly<Record<FaultCode, number>> = {
  INPUT_INVALID: 2,
  CWD_UNUSABLE: 2,
  FILTER_INVALID: 2,
  CONFIG_INVALID: 2,
  TOKEN_INVALID: 5,
  LOGIN_INVALID: 5,
  FORBIDDEN: 5,
  ORIGIN_REFUSED: 5,
  ROUTE_UNKNOWN: 3,
  TASK_NOT_FOUND: 3,
  AGENT_NOT_FOUND: 3,
  PLAN_NOT_FOUND: 3,
  TASK_CLOSED: 5,
  ARCHIVE_NOT_FOUND: 3,
  RESUME_REFUSED: 5,
  AGENT_ENDED: 5,
  ARCHIVE_EXISTS: 5,
  CLIENT_FILE_UNUSABLE: 5,
  CONFIRMATION_NEEDED: 5,
  EXPORT_REFUSED: 2,
  STATE_LOCKED: 4,
  BODY_TOO_LARGE: 2,
  BUDGET_SPENT: 5,
  LIMIT_REACHED: 4,
  QUOTA_EXHAUSTED: 4,
  HARNESS_MISSING: 6,
  LAUNCH_FAILED: 6,
  HOST_UNREACHABLE: 6,
  PROBE_FAILED: 6,
  DAEMON_UNREACHABLE: 6,
  DAEMON_STOPPING: 4,
  ARCHIVE_DAMAGED: 6,
  STATE_UNUSABLE: 6,
  STATE_NEWER: 6,
  DISK_FULL: 6,
  INTERNAL: 70,
};

test("every fault code ends the command line in its published way", () => {
  const exits = FAULT_CODES.map((code) => [
    code,
    exitCodeOf(new Fault(code, "message", { hint: "hint" }).exit),
  ]);
  expect(Object.fromEntries(exits)).toEqual(CODE_EXITS);
});

test("the places of a state directory are exactly these", () => {
  expect(statePaths({ CORRAL_STATE_DIR: "/s" })).toEqual({
    stateDir: "/s",
    runtimeDir: "/s",
    database: "/s/corral.db",
    socket: "/s/daemon.sock",
    lock: "/s/daemon.lock",
    alive: "/s/daemon.alive",
    log: "/s/daemon.log",
    clientToken: "/s/client.token",
    scrapeToken: "/s/scrape.token",
    webhookSecret: "/s/webhook.secret",
    openPage: "/s/open.html",
    configFile: "/s/config.json",
    agentsDir: "/s/agents",
    archiveDir: "/s/archive",
    ballastDir: "/s/ballast",
    bellDir: "/s/bells",
    tmuxSocket: "/s/tmux.sock",
    workspaces: "/s/workspaces",
  });
});
