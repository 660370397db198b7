import { resolve } from "node:path";
import type { Command } from "commander";
import type { ArchiveAnswer, PruneAnswer } from "../../../contract/archive.ts";
import { counted, humanBytes } from "../../../kernel/units.ts";
import { bytesOf, daysOf } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { resolveAgent, resolveTask } from "../resolve.ts";
import { table } from "../table.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

const DAY_S = 86_400;

/** `corral archive list | show | export | prune`. */
export const archive: Verb = {
  define(command, bind) {
    const json = (sub: Command): Command => sub.option("--json", "one JSON document");
    const listing = command
      .command("list")
      .description("list archives, newest first")
      .option("--task <id>", "of this task only");
    example(json(listing), "corral archive list");
    bind(listing, list);
    const showing = command
      .command("show")
      .description("show what is in the archive of an agent")
      .argument("<agent>", "agent id, or the unique beginning of one");
    example(json(showing), "corral archive show fixer-1");
    bind(showing, show);
    const exporting = command
      .command("export")
      .description("write an archive to another place, as plain files; nothing is overwritten")
      .argument("<agent>", "agent id, or the unique beginning of one")
      .argument("<to>", "folder (with --tar: file) that does not exist yet")
      .option("--tar", "the archive as it is");
    example(json(exporting), "corral archive export fixer-1 ./fixer-1");
    bind(exporting, exportTo);
    const pruning = command
      .command("prune")
      .description("delete archives before their time: the named ones, or by task, age or size")
      .argument("[agent...]", "agent ids, or the unique beginnings of some")
      .option("--task <id>", "of this task only")
      .option("--older-than <days>", "archived longer ago than this", daysOf)
      .option("--keep <bytes>", "the oldest, until so much is left; like 500M, 10G", bytesOf)
      .option("--dry-run", "say what would go and delete nothing");
    example(json(pruning), "corral archive prune --older-than 7 --dry-run");
    bind(pruning, prune);
    example(command, "corral archive list");
  },
};

async function list(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const { task } = command.opts<{ task?: string }>();
  const answer = await client.archives(
    task === undefined ? {} : { taskId: await resolveTask(client, task) },
  );
  if (wantsJson(command)) {
    terminal.line(jsonText(answer));
    return EXIT.ok;
  }
  if (answer.total === 0) terminal.line("No archives.");
  else {
    const rows = answer.archives.map((one) => [
      one.agent_id,
      one.status,
      humanBytes(one.bytes),
      humanBytes(one.output_bytes),
      one.archived_at,
      one.kept_until,
    ]);
    const heading = ["AGENT", "STATUS", "ON DISK", "OUTPUT", "ARCHIVED", "KEPT UNTIL"];
    for (const line of table(heading, rows, terminal)) terminal.line(line);
    const more = answer.total - answer.archives.length;
    const rest = more === 0 ? "" : `; ${more} older ones are not listed`;
    terminal.line(`${counted(answer.total, "archive")}, ${humanBytes(answer.total_bytes)}${rest}.`);
  }
  return EXIT.ok;
}

async function show(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const agent = await resolveAgent(client, command.args[0] ?? "");
  const answer = await client.archive(agent.agent_id);
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else for (const line of archiveLines(answer, ports)) terminal.line(line);
  return EXIT.ok;
}

function archiveLines(
  { agent_id: agentId, bytes, kept_until: until, manifest, path, status }: ArchiveAnswer,
  { terminal }: CliPorts,
): readonly string[] {
  const rows = manifest.members.map(({ name, bytes: size, sha256 }) => [
    name,
    humanBytes(size),
    sha256,
  ]);
  const { reason } = manifest.agent;
  return [
    `${agentId}  ${status}${reason === null ? "" : `  ${harmless(reason)}`}`,
    `${path}  ${humanBytes(bytes)}, kept until ${until}`,
    ...manifest.streams.map(({ gaps, name, segments, size_bytes: size }) => {
      const lost = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
      const gap = lost === 0 ? "" : `, ${humanBytes(lost)} lost`;
      return `${name}  ${humanBytes(size)} in ${counted(segments.length, "segment")}${gap}`;
    }),
    ...table(["MEMBER", "BYTES", "SHA256"], rows, terminal),
  ];
}

async function exportTo(ports: CliPorts, command: Command): Promise<number> {
  const { terminal } = ports;
  const client = await ports.client();
  const [typed = "", to = ""] = command.args;
  const agent = await resolveAgent(client, typed);
  const form = command.opts<{ tar?: boolean }>().tar === true ? "tar" : "files";
  // The daemon has a folder of its own: what was typed means the caller's.
  const answer = await client.exportArchive(agent.agent_id, { to: resolve(ports.cwd, to), form });
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else {
    const { bytes, files } = answer;
    terminal.line(`${counted(files, "file")}, ${humanBytes(bytes)} → ${harmless(answer.to)}`);
  }
  return EXIT.ok;
}

async function prune(ports: CliPorts, command: Command): Promise<number> {
  const client = await ports.client();
  const options = command.opts<{
    task?: string;
    olderThan?: number;
    keep?: number;
    dryRun?: boolean;
  }>();
  const agents: string[] = [];
  for (const typed of command.args) agents.push((await resolveAgent(client, typed)).agent_id);
  const answer = await client.pruneArchives({
    dry_run: options.dryRun === true,
    ...(agents.length === 0 ? {} : { agent_ids: agents }),
    ...(options.task === undefined ? {} : { task_id: await resolveTask(client, options.task) }),
    ...(options.olderThan === undefined ? {} : { older_than_s: options.olderThan * DAY_S }),
    ...(options.keep === undefined ? {} : { keep_bytes: options.keep }),
  });
  if (wantsJson(command)) ports.terminal.line(jsonText(answer));
  else for (const line of pruneLines(answer)) ports.terminal.line(line);
  return answer.failed.length === 0 ? EXIT.ok : EXIT.unavailable;
}

function pruneLines(answer: PruneAnswer): readonly string[] {
  const { deleted, failed, dry_run: isDry, freed_bytes: freed } = answer;
  return [
    ...deleted.map(
      (one) => `${isDry ? "would go" : "deleted"}  ${one.agent_id}  ${humanBytes(one.bytes)}`,
    ),
    ...failed.map((one) => `still there  ${one.agent_id}  ${harmless(one.error)}`),
    `${counted(deleted.length, "archive")}, ${humanBytes(freed)}${isDry ? " would be" : ""} given back.`,
  ];
}
