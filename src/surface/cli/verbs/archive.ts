import { resolve } from "node:path";
import type { Command } from "commander";
import type {
  ArchiveAnswer,
  ExportAnswer,
  PruneAnswer,
  PruneInput,
} from "../../../contract/archive.ts";
import { Fault } from "../../../kernel/fault.ts";
import { counted, humanBytes } from "../../../kernel/units.ts";
import { bytesOf, daysOf } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import { harmless } from "../paint.ts";
import type { ArchivesBeside, CliPorts, ExportWish } from "../ports.ts";
import { resolveAgent, resolveTask } from "../resolve.ts";
import { table } from "../table.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { daemonOrOffline } from "./offline.ts";

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
      .description("write an archive to another place, without secrets; nothing is overwritten")
      .argument("<agent>", "agent id, or the unique beginning of one")
      .argument("<to>", "folder (with --tar: file) that does not exist yet")
      .option("--unredacted", "as it lies on the disk, with whatever secrets the agent printed")
      .option("--tar", "with --unredacted: the archive itself");
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
  const { task } = command.opts<{ task?: string }>();
  const answer = await looking(ports, async (archives) =>
    archives.archives(task === undefined ? {} : { taskId: await resolveTask(archives, task) }),
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
  const answer = await looking(ports, async (archives) => {
    const { agent_id: id } = await resolveAgent(archives, command.args[0] ?? "");
    return archives.archive(id);
  });
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
  const [typed = "", typedTo = ""] = command.args;
  const wish = { to: resolve(ports.cwd, typedTo), as: exportFormOf(ports, command) };
  const answer = await exported(ports, typed, wish);
  if (wantsJson(command)) terminal.line(jsonText(answer));
  else {
    const { bytes, files, redacted, to } = answer;
    const secrets = redacted ? "secrets masked" : "with whatever secrets are in it";
    terminal.line(`${counted(files, "file")}, ${humanBytes(bytes)}, ${secrets} → ${harmless(to)}`);
  }
  return EXIT.ok;
}

/** Here and not in the daemon, alive or not, where it can be: masking a large archive takes seconds of a processor. */
async function exported(ports: CliPorts, typed: string, wish: ExportWish): Promise<ExportAnswer> {
  try {
    return await ports.offline.readArchives(async (archives) => {
      const { agent_id: id } = await resolveAgent(archives, typed);
      return archives.exportArchive(id, wish);
    });
  } catch (error) {
    const isTaken = error instanceof Fault && error.code === "STATE_LOCKED";
    if (!isTaken || wish.as !== "redacted") throw error;
    const client = await ports.client();
    const { agent_id: id } = await resolveAgent(client, typed);
    return client.exportArchive(id, { to: wish.to });
  }
}

function exportFormOf({ env }: CliPorts, command: Command): ExportWish["as"] {
  const { tar = false, unredacted = false } = command.opts<{
    tar?: boolean;
    unredacted?: boolean;
  }>();
  if (!unredacted) {
    if (!tar) return "redacted";
    throw new Fault("INPUT_INVALID", "An archive as it is holds whatever secrets were printed.", {
      hint: "Add --unredacted if that is meant, or leave out --tar.",
    });
  }
  if (env["CORRAL_AGENT_ID"] !== undefined || env["CORRAL_TOKEN"] !== undefined) {
    throw new Fault(
      "FORBIDDEN",
      "--unredacted is for the operator, and this is an agent's shell.",
      {
        hint: "Leave out --unredacted.",
      },
    );
  }
  return tar ? "tar" : "plain";
}

interface PruneOptions {
  readonly task?: string;
  readonly olderThan?: number;
  readonly keep?: number;
  readonly dryRun?: boolean;
}

async function prune(ports: CliPorts, command: Command): Promise<number> {
  const named = (names: Names) => pruneInputOf(names, command);
  const answer = await daemonOrOffline(
    ports,
    async (client) => client.pruneArchives(await named(client)),
    async (offline) => offline.pruneArchives(await offline.readArchives(named)),
  );
  if (wantsJson(command)) ports.terminal.line(jsonText(answer));
  else for (const line of pruneLines(answer)) ports.terminal.line(line);
  return answer.failed.length === 0 ? EXIT.ok : EXIT.unavailable;
}

type Names = Pick<ArchivesBeside, "agent" | "agents" | "tasks">;

async function pruneInputOf(names: Names, command: Command): Promise<PruneInput> {
  const { dryRun = false, keep, olderThan, task } = command.opts<PruneOptions>();
  const agents: string[] = [];
  for (const typed of command.args) agents.push((await resolveAgent(names, typed)).agent_id);
  return {
    dry_run: dryRun,
    ...(agents.length === 0 ? {} : { agent_ids: agents }),
    ...(task === undefined ? {} : { task_id: await resolveTask(names, task) }),
    ...(olderThan === undefined ? {} : { older_than_s: olderThan * DAY_S }),
    ...(keep === undefined ? {} : { keep_bytes: keep }),
  };
}

/** What needs no daemon is asked of one that lives all the same: it knows more than the files. */
function looking<T>(
  ports: CliPorts,
  work: (archives: Omit<ArchivesBeside, "exportArchive">) => Promise<T>,
): Promise<T> {
  return daemonOrOffline(ports, work, (offline) => offline.readArchives(work));
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
