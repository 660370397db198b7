/**
 * One command line, from its words to its exit code.
 *
 * Loads only the verb that is asked for: start-up is most of what a quick verb costs.
 */
import { Command, CommanderError } from "commander";
import { asFault, Fault, faultToWire } from "../../kernel/fault.ts";
import { formRedactor } from "../../output/redact.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import type { CliPorts, Terminal } from "./ports.ts";
import { isVerb, VERB_NAMES, VERBS } from "./verb-table.ts";
import type { VerbName } from "./verb-table.ts";
import type { Bind } from "./verb.ts";
import { inVerbs } from "./in-verbs.ts";
import { harmless } from "./paint.ts";
import { jsonText } from "./verb.ts";

const EXIT_HELP = `
Exit codes:
  0 ok   1 a waited-for agent did not complete   2 usage   3 not found
  4 busy, try again   5 refused   6 unavailable or stuck   70 bug

Example:
  $ corral demo`;

/**
 * Runs one command line.
 *
 * Never throws: a failure is rendered here, in two lines on stderr and, with `--json`, as a
 * document on stdout as well.
 *
 * @param argv  The words after the program's name.
 * @returns     The exit code; see {@link EXIT}.
 */
export async function runCommandLine(argv: readonly string[], ports: CliPorts): Promise<number> {
  const outcome = { exit: EXIT.ok as number };
  try {
    const program = await buildProgram(argv, ports, outcome);
    await program.parseAsync([...argv], { from: "user" });
    return outcome.exit;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
    return renderFailure(usageFault(thrown), ports.terminal, asksForJson(argv));
  }
}

/**
 * The program with every verb named and the one that is asked for filled in.
 *
 * @param outcome  Receives the verb's exit code.
 */
export async function buildProgram(
  argv: readonly string[],
  ports: CliPorts,
  outcome: { exit: number },
): Promise<Command> {
  const program = root(ports);
  const wanted = verbOf(argv);
  const bind: Bind = (command, action) => {
    command.action(async () => {
      outcome.exit = await action(ports, command);
    });
  };
  for (const name of VERB_NAMES) await addVerb(program, name, wanted.has(name) ? bind : null);
  return program;
}

function root({ version, terminal }: CliPorts): Command {
  return new Command("corral")
    .description("Deploys headless coding agents and gives back every resource they took.")
    .version(version)
    .option("--json", "one JSON document on stdout (JSON lines where it follows)")
    .addHelpText("after", EXIT_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.line(text.trimEnd()),
      // Failures are rendered once, below, in the same two lines as all others.
      writeErr: () => {},
    });
}

/** `corral` alone is a usage failure, so that a script that lost its verb notices. */
function noVerb(cause: CommanderError): Fault {
  return new Fault("INPUT_INVALID", "No verb was given.", {
    hint: 'Run "corral --help" for the verbs, or "corral demo" to see it work.',
    details: { usage: cause.code },
    cause,
  });
}

async function addVerb(program: Command, name: VerbName, bind: Bind | null): Promise<void> {
  const { summary, load } = VERBS[name];
  const command = program.command(name).summary(summary).description(summary);
  if (bind === null) return;
  (await load()).define(command, bind);
  if (!command.options.some((option) => option.long === "--json")) {
    command.option("--json", "one JSON document on stdout");
  }
}

/** The verbs to load: the first word that is one, or what `corral help VERB` asks about. */
function verbOf(argv: readonly string[]): ReadonlySet<VerbName> {
  const words = argv.filter((word) => !word.startsWith("-"));
  return new Set([words[0] === "help" ? words[1] : words[0]].filter(isVerb));
}

/** `--json` anywhere before the words of an agent's own command. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).includes("--json");
}

/** commander's own sentences, with its suggestion as the next step. */
function usageFault(thrown: unknown): Fault {
  if (!(thrown instanceof CommanderError)) return asFault(thrown);
  if (thrown.code === "commander.help") return noVerb(thrown);
  const [first = "", suggestion] = thrown.message.replace(/^error: /, "").split("\n");
  const guess = suggestion?.match(/^\(Did you mean (?:one of )?(.*)\?\)$/)?.[1];
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}`;
  return new Fault("INPUT_INVALID", sentence.endsWith(".") ? sentence : `${sentence}.`, {
    hint:
      guess === undefined
        ? 'Run "corral --help", or "corral VERB --help", for what there is.'
        : `Did you mean ${guess}? "corral --help" lists all.`,
    details: { usage: thrown.code },
    cause: thrown,
  });
}

/** Prints a failure in two lines, with `json` also as a document. @returns the exit code. */
export function renderFailure(fault: Fault, terminal: Terminal, json: boolean): number {
  const { text, value } = formRedactor();
  if (json) terminal.line(jsonText({ error: value(faultToWire(fault)) }));
  const { hint, message } = inVerbs(fault);
  // A message repeats what was typed, or what an agent printed: neither may steer the terminal.
  terminal.note(harmless(text(`${fault.code}: ${message}`)));
  terminal.note(harmless(text(`Next: ${hint}`)));
  // The one place where a bug's cause is shown: the person at the terminal can report it.
  if (fault.code === "INTERNAL" && fault.cause instanceof Error) {
    terminal.note(text(fault.cause.stack ?? fault.cause.message));
  }
  return exitCodeOf(fault.exit);
}
