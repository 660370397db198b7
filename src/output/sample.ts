/**
 * Choosing what fits into a byte budget, and saying inside that budget what does not.
 *
 * The last and the first entry are always kept; then errors and results, then reports, then
 * the newest of the rest. Every run of entries left out leaves one gap entry.
 */

export interface Entry {
  readonly text: string;
  /** 0 for anything, higher is kept first. Asked only when not everything fits. */
  weight(): number;
}

export interface Gap {
  readonly entries: number;
  readonly bytes: number;
}

export interface Fitted<E> {
  /** In order. */
  readonly parts: readonly (E | { readonly gap: Gap; readonly text: string })[];
  readonly dropped: number;
}

export interface FitWanted<E extends Entry> {
  readonly entries: readonly E[];
  /** What the parts, joined by one byte each, may come to. UTF-8 bytes. */
  readonly maxBytes: number;
  /** Renders a gap. */
  readonly gapText: (gap: Gap) => string;
  /** Shortens an entry; called with a third of the budget when not everything fits. */
  readonly shorten: (entry: E, maxBytes: number) => E;
}

/**
 * Fits entries into a budget.
 *
 * @returns Everything unchanged when it fits; otherwise the chosen entries with gaps between them.
 */
export function fitEntries<E extends Entry>(wanted: FitWanted<E>): Fitted<E> {
  const { entries, maxBytes, shorten } = wanted;
  if (total(entries) <= maxBytes) return { parts: entries, dropped: 0 };
  // Short enough that the first, the last and the gap between them always fit.
  const third = Math.floor(maxBytes / 3);
  const short = entries.map((entry) => (bytesOf(entry) > third ? shorten(entry, third) : entry));
  const chosen = choose(short, wanted);
  return { parts: withGaps(short, chosen, wanted.gapText), dropped: entries.length - chosen.size };
}

function choose<E extends Entry>(entries: readonly E[], wanted: FitWanted<E>): ReadonlySet<number> {
  const all: Gap = { entries: entries.length, bytes: total(entries) };
  // No gap of this answer is longer than one that holds everything.
  const gapCost = Buffer.byteLength(wanted.gapText(all)) + 1;
  const chosen = new Set<number>();
  const isTaken = (index: number) => index < 0 || index >= entries.length || chosen.has(index);
  // The separator that joins nothing: one less than there are parts.
  let left = wanted.maxBytes + 1 - gapCost;
  for (const index of byWorth(entries)) {
    const gaps = 1 - Number(isTaken(index - 1)) - Number(isTaken(index + 1));
    const cost = bytesOf(entries[index]) + 1 + gaps * gapCost;
    if (cost > left) continue;
    left -= cost;
    chosen.add(index);
  }
  return chosen;
}

/** Numbers of the entries, the most worth keeping first. */
function byWorth(entries: readonly Entry[]): readonly number[] {
  const last = entries.length - 1;
  const worth = entries.map((entry, index) =>
    index === last ? Number.POSITIVE_INFINITY : index === 0 ? Number.MAX_VALUE : entry.weight(),
  );
  return entries
    .map((_, index) => index)
    .toSorted((a, b) => compare(worth[b] ?? 0, worth[a] ?? 0) || b - a);
}

/** Not a subtraction: infinity less infinity is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function withGaps<E extends Entry>(
  entries: readonly E[],
  chosen: ReadonlySet<number>,
  gapText: (gap: Gap) => string,
): Fitted<E>["parts"] {
  const parts: (E | { readonly gap: Gap; readonly text: string })[] = [];
  let gap: Gap = { entries: 0, bytes: 0 };
  const close = () => {
    if (gap.entries > 0) parts.push({ gap, text: gapText(gap) });
    gap = { entries: 0, bytes: 0 };
  };
  for (const [index, entry] of entries.entries()) {
    if (chosen.has(index)) {
      close();
      parts.push(entry);
    } else {
      gap = { entries: gap.entries + 1, bytes: gap.bytes + bytesOf(entry) + 1 };
    }
  }
  close();
  return parts;
}

function total(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + bytesOf(entry) + 1, 0) - 1;
}

function bytesOf(entry: Entry | undefined): number {
  return entry === undefined ? 0 : Buffer.byteLength(entry.text);
}
