/** What an installation, and its undoing, would make of a client's file. Pure. */
import type { ClientFile, Editor, InstallRecord } from "./ports.ts";

export interface Change {
  /** The file afterwards; null when it is to be gone. */
  readonly after: string | null;
  /** What is to be kept of the file for an undoing; null when it was not there. */
  readonly kept: string | null;
}

export interface Wanted {
  readonly path: readonly string[];
  readonly entry: Readonly<Record<string, unknown>>;
}

/**
 * The change that adds the entry; null when it is there already, word for word.
 *
 * Of an installation that is repeated the file before the first one is kept, not the one with an
 * entry of ours.
 *
 * @param isWritten  True when the file is as the record's installation wrote it.
 * @throws {Fault} CLIENT_FILE_UNUSABLE.
 */
export function planInstall(
  { text }: Pick<ClientFile, "text">,
  record: InstallRecord | null,
  isWritten: boolean,
  { entry, path }: Wanted,
  editor: Editor,
): Change | null {
  const after = editor.set(text ?? "", path, entry);
  if (text !== null && sameValue(editor.get(text, path), entry)) return null;
  if (record === null) return { after, kept: text };
  const kept = isWritten ? record.before : text === null ? null : editor.remove(text, path);
  return { after, kept };
}

/**
 * The change that takes it back: exactly the file of before when nobody has touched it since, and else
 * the file of now without the entry. Null when there is nothing to take back.
 */
export function planUndo(
  { text }: Pick<ClientFile, "text">,
  record: InstallRecord | null,
  isWritten: boolean,
  path: readonly string[],
  editor: Editor,
): Pick<Change, "after"> | null {
  if (text === null) return null;
  if (record !== null && isWritten) return { after: record.before };
  return editor.get(text, path) === undefined ? null : { after: editor.remove(text, path) };
}

/** Equal as JSON, whatever the order of keys. */
function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, inOrder(inner)] as const);
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
