/** The archives that are kept: what they take, and their deletion. */
import type { PruneAnswer, PruneInput } from "../contract/archive.ts";
import { taskNotFound } from "../agents/find.ts";
import { Fault, messageOf } from "../kernel/fault.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import type { Undos } from "../ledger/ports.ts";
import { releaseOne } from "../ledger/release.ts";
import type { Resource } from "../ledger/resource.ts";
import type { ArchiveFacts } from "./archive-agent.ts";
import { entryOf, keptOf } from "./read-archives.ts";
import { type ArchiveSums, excessOf } from "./retention.ts";
import type { Setting } from "./setting.ts";
import type { KeptArchive } from "./store.ts";

const PAGE = 100;

/**
 * What archives take, counted once and then kept by the events that tell of each one: a bound is
 * looked at after every pass, and there may be a hundred thousand.
 */
export function archiveSums({ store }: Pick<Setting, "store">): () => ArchiveSums {
  let counted: { total: number; readonly byTask: Map<TaskId, number> } | null = null;
  const count = () => {
    const byTask = new Map(store.archiveBytesByTask());
    const total = [...byTask.values()].reduce((sum, bytes) => sum + bytes, 0);
    return { total, byTask };
  };
  store.onEvent(({ kind, task_id: taskId, facts }) => {
    if (counted === null || taskId === null) return;
    if (kind !== "archive.made" && (kind !== "archive.deleted" || facts["kind"] !== "archive"))
      return;
    const bytes = Number(facts["bytes"] ?? 0) * (kind === "archive.made" ? 1 : -1);
    counted.total += bytes;
    counted.byTask.set(taskId, (counted.byTask.get(taskId) ?? 0) + bytes);
  });
  return () => (counted ??= count());
}

/** What is to be deleted. */
interface PruneWish {
  readonly from: Iterable<KeptArchive>;
  /** Stops when so many were given back. */
  readonly bytes: number;
  readonly why: string;
  readonly isDry: boolean;
}

function isArchiveLink({ kind, locator, state }: Resource, agentId: AgentId): boolean {
  const isLink = kind === "workspace_link" && state === "retained";
  return isLink && locator.endsWith(`/archive/${agentId}.tar`);
}

function eitherOr(): Fault {
  return new Fault(
    "INPUT_INVALID",
    "Archives are named, or chosen by task, age or size: not both.",
    {
      hint: "Name agents alone, or leave them out.",
    },
  );
}

export interface Pruner {
  /** As a caller asks. @throws {Fault} INPUT_INVALID when nothing says which; AGENT_NOT_FOUND, TASK_NOT_FOUND. */
  asAsked(input: PruneInput): Promise<PruneAnswer>;
  /** The oldest until so many bytes were given back. @returns how many were. */
  oldest(bytes: number, why: string): Promise<number>;
  /** Whatever is over the bounds of the settings. */
  toBounds(): Promise<void>;
}

export function pruner(setting: Setting, undos: Undos, sums: () => ArchiveSums): Pruner {
  const { store, clock, log } = setting;

  const remove = async (kept: KeptArchive, why: string): Promise<void> => {
    const { agentId, resource } = kept;
    const links = store.resourcesOf(agentId).filter((row) => isArchiveLink(row, agentId));
    const now = clock.now();
    store.atomically(() => {
      const facts = { ...(resource.identity as ArchiveFacts), why };
      store.describeKept(resource.id, facts, resource.seen ?? why);
      // From here on a crash changes nothing any more: the next sweep finds them over.
      for (const { id } of [...links, resource]) store.expire(id, now);
    });
    const over = new Set([...links, resource].map(({ id }) => id));
    for (const row of store.resourcesOf(agentId).filter(({ id }) => over.has(id))) {
      const error = await releaseOne(row, store, undos);
      if (error !== null) throw new Error(error);
    }
  };

  const prune = async ({ from, bytes, why, isDry }: PruneWish): Promise<PruneAnswer> => {
    const answer: PruneAnswer = { dry_run: isDry, deleted: [], failed: [], freed_bytes: 0 };
    for (const kept of from) {
      if (answer.freed_bytes >= bytes) break;
      const { agent_id, task_id, path, bytes: size } = entryOf(kept);
      try {
        if (!isDry) await remove(kept, why);
        answer.deleted.push({ agent_id, task_id, path, bytes: size, why });
        answer.freed_bytes += size;
      } catch (error) {
        answer.failed.push({ agent_id, error: messageOf(error) });
        log.warn("archive.delete_failed", { agentId: agent_id, cause: messageOf(error) });
      }
    }
    return answer;
  };

  function* oldestFirst(filter: {
    readonly taskId?: TaskId;
    readonly madeBefore?: number;
  }): Generator<KeptArchive> {
    let page = store.keptArchives({ ...filter, max: PAGE });
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      yield* page;
      page = store.keptArchives({ ...filter, after: last.resource, max: PAGE });
    }
  }

  return {
    async asAsked(input) {
      const { agent_ids: agentIds, dry_run: isDry, task_id: taskId } = input;
      const why = "it was pruned by hand";
      const isNarrowed = [taskId, input.older_than_s, input.keep_bytes].some(
        (given) => given !== undefined,
      );
      if (agentIds !== undefined) {
        if (isNarrowed) throw eitherOr();
        const from = agentIds.map((id) => keptOf(setting, id));
        return prune({ from, bytes: Number.POSITIVE_INFINITY, why, isDry });
      }
      if (!isNarrowed) {
        throw new Fault("INPUT_INVALID", "Nothing says which archives are to be pruned.", {
          hint: "Name agents, a task, an age or how much is to be kept.",
        });
      }
      if (taskId !== undefined && store.task(taskId) === null) throw taskNotFound(taskId);
      const { total, byTask } = sums();
      const held = taskId === undefined ? total : (byTask.get(taskId) ?? 0);
      const from = oldestFirst({
        ...(taskId === undefined ? {} : { taskId }),
        ...(input.older_than_s === undefined
          ? {}
          : { madeBefore: clock.now() - input.older_than_s * SECOND_MS }),
      });
      const bytes =
        input.keep_bytes === undefined ? Number.POSITIVE_INFINITY : held - input.keep_bytes;
      return prune({ from, bytes, why, isDry });
    },
    async oldest(bytes, why) {
      return (await prune({ from: oldestFirst({}), bytes, why, isDry: false })).freed_bytes;
    },
    async toBounds() {
      const { retention_bytes: total, retention_task_bytes: perTask } = setting.configuration();
      for (const { taskId, bytes, why } of excessOf(sums(), { total, perTask })) {
        const from = oldestFirst(taskId === null ? {} : { taskId });
        await prune({ from, bytes, why, isDry: false });
      }
    },
  };
}
