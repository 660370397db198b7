/** Asking for the file systems that Corral and its agents write to, and their levels. */
import { levelOf } from "../output/disk-floors.ts";
import type { FileSystemView } from "../output/disk-policy.ts";
import { floorsOf } from "./configuration.ts";
import type { Setting } from "./setting.ts";

/** What is remembered of the file systems between looks, by their id. */
export type Levels = ReadonlyMap<string, FileSystemView>;

export interface FileSystems {
  readonly levels: Levels;
  /** Of each folder that was answered for. */
  readonly idOf: ReadonlyMap<string, string>;
  readonly unanswered: ReadonlySet<string>;
}

/**
 * Asks for the file systems of some folders; one that does not answer keeps what was known of it.
 * @param before  Of the look before: a level is left later than it is entered.
 */
export async function lookAtFileSystems(
  { configuration, disk }: Pick<Setting, "configuration" | "disk">,
  folders: readonly string[],
  before: Levels,
): Promise<FileSystems> {
  const floors = floorsOf(configuration());
  const distinct = [...new Set(folders)];
  const answers = await Promise.allSettled(distinct.map((path) => disk.fileSystemOf(path)));
  const levels = new Map<string, FileSystemView>();
  const idOf = new Map<string, string>();
  const unanswered = new Set<string>();
  for (const [nth, path] of distinct.entries()) {
    const answer = answers[nth]!;
    if (answer.status === "rejected") {
      const last = [...before.values()].find((one) => one.path === path);
      if (last !== undefined) levels.set(last.id, { ...last, previous: last.level });
      unanswered.add(path);
      continue;
    }
    const { id, space } = answer.value;
    idOf.set(path, id);
    if (levels.has(id)) continue;
    const previous = before.get(id)?.level ?? "fine";
    levels.set(id, { id, path, space, level: levelOf(space, floors, previous), previous });
  }
  return { levels, idOf, unanswered };
}
