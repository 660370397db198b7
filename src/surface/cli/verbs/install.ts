import { Argument, type Command, Option } from "commander";
import {
  bridgeCommand,
  CLIENT_NAMES,
  CLIENTS,
  type ClientName,
  INSTALL_SCOPES,
  type InstallScope,
  type McpClient,
} from "../../../harness/clients.ts";
import { Fault } from "../../../kernel/fault.ts";
import { EXIT } from "../exit-codes.ts";
import { diffLines } from "../install/diff.ts";
import { planInstall, planUndo } from "../install/plan.ts";
import type { ClientConfigs, ClientFile, InstallRecord } from "../install/ports.ts";
import { harmless, paint } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

interface InstallOptions {
  readonly scope: InstallScope;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly undo?: boolean;
}

/** `corral install`: writes Corral's bridge into the configuration of an MCP client, or takes it out. */
export const install: Verb = {
  define(command, bind) {
    command
      .addArgument(new Argument("<client>", "the MCP client").choices(CLIENT_NAMES))
      .addOption(
        new Option("--scope <scope>", "for all your projects, or for this one")
          .choices(INSTALL_SCOPES)
          .default("user"),
      )
      .option("--undo", "take the entry out again; an untouched file becomes what it was")
      .option("--dry-run", "show the difference and change nothing")
      .option("-y, --yes", "do not ask");
    example(command, "corral install claude");
    bind(command, run);
  },
};

/** One client's file with what is known of it. */
interface Target {
  readonly name: ClientName;
  readonly client: McpClient;
  readonly scope: InstallScope;
  readonly file: ClientFile;
  readonly record: InstallRecord | null;
  readonly recordPath: string;
  /** True when the file is as the installation wrote it. */
  readonly isWritten: boolean;
}

/** What is to be done, worked out. */
interface Plan {
  readonly after: string | null;
  /** Of an installation: what is kept of the file. */
  readonly kept?: string | null;
}

async function run(ports: CliPorts, command: Command): Promise<number> {
  const options = command.opts<InstallOptions>();
  const configs = await ports.clientConfigs();
  const target = targetOf(ports, configs, command.args[0] as ClientName, options.scope);
  const plan = planOf(configs, target, options.undo === true);
  const diff = plan === null ? [] : diffLines(target.file.text ?? "", plan.after ?? "");
  const isDry = options.dryRun === true;
  if (plan === null) {
    // A record without an entry is left of an undoing that was cut short, or of one by hand.
    if (options.undo === true && !isDry) configs.removeRecord(target.recordPath);
  } else if (!isDry) {
    await agree(ports, command, target, diff, options);
    apply(configs, target, plan);
  }
  tell(ports, command, target, plan, diff, options);
  return EXIT.ok;
}

function targetOf(
  { cwd, env, platform }: CliPorts,
  configs: ClientConfigs,
  name: ClientName,
  scope: InstallScope,
): Target {
  const client: McpClient = CLIENTS[name];
  if (!client.scopes.includes(scope)) {
    throw new Fault("INPUT_INVALID", `${client.title} has no servers of a project alone.`, {
      hint: "Leave --scope project out.",
    });
  }
  const file = configs.read(client.files(scope, { cwd, env, platform }));
  const recordPath = configs.recordPath(name, scope, file.realPath);
  const record = configs.readRecord(recordPath);
  const isWritten =
    record !== null && file.text !== null && configs.digest(file.text) === record.writtenDigest;
  return { name, client, scope, file, record, recordPath, isWritten };
}

function planOf(configs: ClientConfigs, target: Target, isUndo: boolean): Plan | null {
  const { client, file, isWritten, record } = target;
  const editor = configs.editor(client.format);
  if (isUndo) return planUndo(file, record, isWritten, client.path, editor);
  const entry = client.entry(bridgeCommand(client, configs.launcher()));
  return planInstall(file, record, isWritten, { path: client.path, entry }, editor);
}

/**
 * Shows what would change and asks.
 * @throws {Fault} CONFIRMATION_NEEDED when nobody can be asked, or the answer is no.
 */
async function agree(
  { ask, terminal }: CliPorts,
  command: Command,
  { file }: Target,
  diff: readonly string[],
  { yes }: InstallOptions,
): Promise<void> {
  if (yes === true) return;
  if (!wantsJson(command)) for (const line of [file.path, ...diff]) terminal.note(harmless(line));
  const isAgreed = ask === null ? null : await ask(`Write this to ${file.path}? [y/N] `);
  if (isAgreed === true) return;
  throw new Fault(
    "CONFIRMATION_NEEDED",
    isAgreed === null
      ? "Nobody can be asked here, so nothing was changed."
      : "Nothing was changed.",
    {
      hint: "Add --yes to write it without being asked, or --dry-run to see it only.",
      details: { path: file.path, diff: diff.join("\n") },
    },
  );
}

/** What is kept is durable before the file changes; it goes only when the file is as it was. */
function apply(configs: ClientConfigs, target: Target, { after, kept }: Plan): void {
  const { file, name, recordPath, scope } = target;
  if (kept !== undefined) {
    configs.writeRecord(recordPath, {
      client: name,
      scope,
      path: file.path,
      before: kept,
      writtenDigest: configs.digest(after ?? ""),
    });
  }
  configs.write(file, after);
  if (kept === undefined) configs.removeRecord(recordPath);
}

function tell(
  { terminal }: CliPorts,
  command: Command,
  { client, file, name, recordPath, scope }: Target,
  plan: Plan | null,
  diff: readonly string[],
  { dryRun = false, undo = false, yes = false }: InstallOptions,
): void {
  const isChanged = plan !== null && !dryRun;
  if (wantsJson(command)) {
    const backup = isChanged && !undo ? recordPath : null;
    const about = { client: name, scope, path: file.path, changed: isChanged, undo, backup };
    terminal.line(jsonText({ ...about, diff: diff.join("\n") }));
    return;
  }
  if (plan === null) {
    terminal.line(
      undo
        ? `${file.path} has no entry of Corral.`
        : `${client.title} knows Corral already (${file.path}).`,
    );
    return;
  }
  if (dryRun || yes) for (const line of [file.path, ...diff]) terminal.line(harmless(line));
  if (!isChanged) return;
  const done = undo
    ? `${client.title} does not know Corral any more.`
    : `${client.title} knows Corral.`;
  terminal.line(paint(done, "good", terminal.colour));
  if (undo) return;
  terminal.line(client.after);
  terminal.line(`Take it back with:  corral install ${name} --scope ${scope} --undo`);
}
