/** A verb of the command line: what it accepts, and what it does. */
import type { Command } from "commander";
import type { CliPorts } from "./ports.ts";

/** What a verb does. Answers with the exit code; failures are thrown Faults. */
export type Action = (ports: CliPorts, command: Command) => Promise<number>;

/** Makes an action run when its command was chosen; given by the program to each verb. */
export type Bind = (command: Command, action: Action) => void;

export interface Verb {
  /** Adds arguments, options and one example to a fresh command and binds its action. */
  define(command: Command, bind: Bind): void;
}

/** One example below a command's help. */
export function example(command: Command, line: string): Command {
  return command.addHelpText("after", `\nExample:\n  $ ${line}`);
}

/** True when `--json` was given, on the command or before it. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

/** One JSON document as it is printed everywhere. */
export function jsonText(document: unknown): string {
  return JSON.stringify(document);
}
