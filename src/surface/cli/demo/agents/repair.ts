/** Program repair by small changes: each candidate differs from the source in one place. */

export interface Candidate {
  /** Line of the change, from 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The whole source with the change. */
  readonly source: string;
}

/** The slips that people make most: one off, wrong way round, wrong sign. In order of trial. */
const SLIPS: readonly (readonly [wrong: RegExp, right: string])[] = [
  [/<=/g, "<"],
  [/ < /g, " <= "],
  [/ > /g, " >= "],
  [/\.length - 1/g, ".length"],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
];

/**
 * Every change that is worth a try, cheapest guess first.
 *
 * @returns none when the source holds nothing that looks like one of the slips.
 */
export function repairCandidates(source: string): readonly Candidate[] {
  return SLIPS.flatMap(([wrong, right]) =>
    [...source.matchAll(wrong)].map((match) => {
      const changed =
        source.slice(0, match.index) + right + source.slice(match.index + match[0].length);
      const line = source.slice(0, match.index).split("\n").length;
      return {
        line,
        before: lineAt(source, line),
        after: lineAt(changed, line),
        source: changed,
      };
    }),
  );
}

function lineAt(source: string, line: number): string {
  return (source.split("\n")[line - 1] ?? "").trim();
}
