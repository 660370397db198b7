/**
 * What must be in every line that a pattern matches: texts that can be searched for much faster
 * than the pattern itself. Never wrong, only sometimes empty.
 */

export interface PatternPlan {
  /** Each matching line holds every text of at least one of these lists; empty: nothing is known. */
  readonly needed: readonly (readonly string[])[];
  /** True when a line matches that does so, and no other. */
  readonly isPlain: boolean;
  /**
   * True when a search over many lines at once (with `m`) finds a match in every line that has one:
   * no part of the pattern looks at what lies around its match.
   */
  readonly isLocal: boolean;
}

const TEXT_MIN_CHARS = 2;
const BRANCHES_MOST = 8;
const UNKNOWN = { needed: [], isPlain: false } as const;

/** @param pattern  A JavaScript regular expression that compiles, without flags. */
export function planOf(pattern: string): PatternPlan {
  const isLocal = !/\(\?(?!:|<[A-Za-z_$])/.test(pattern);
  const branches = branchesOf(pattern);
  if (branches === null) return { ...UNKNOWN, isLocal };
  const parts = branches.map(partsOf);
  const needed = parts.map(({ runs }) => runs.filter(isUsable));
  if (needed.some((texts) => texts.length === 0) || needed.length > BRANCHES_MOST) {
    return { ...UNKNOWN, isLocal };
  }
  return { needed, isPlain: parts.every(({ isPlain }) => isPlain), isLocal };
}

/** Whole characters, and none that bytes which are no UTF-8 turn into. */
function isUsable(text: string): boolean {
  return text.length >= TEXT_MIN_CHARS && text.isWellFormed() && !/[\uFFFD\n]/.test(text);
}

/** The alternatives at the top; null when the pattern is not understood. */
function branchesOf(pattern: string): readonly string[] | null {
  const branches: string[] = [];
  let from = 0;
  for (let at = 0; at < pattern.length;) {
    const next = tokenEnd(pattern, at);
    if (next === null) return null;
    if (pattern[at] === "|") {
      branches.push(pattern.slice(from, at));
      from = next;
    }
    at = next;
  }
  return [...branches, pattern.slice(from)];
}

const ESCAPE = /^\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|\d+|[\s\S])/;

/** Behind the token that begins there: a character, an escape, a class or a whole group. */
function tokenEnd(pattern: string, at: number): number | null {
  if (pattern[at] === "\\") return at + (ESCAPE.exec(pattern.slice(at, at + 80))?.[0].length ?? 2);
  if (pattern[at] === "[") return classEnd(pattern, at);
  if (pattern[at] !== "(") return at + 1;
  let inner = at + 1;
  while (inner < pattern.length && pattern[inner] !== ")") {
    const next = tokenEnd(pattern, inner);
    if (next === null) return null;
    inner = next;
  }
  return inner < pattern.length ? inner + 1 : null;
}

function classEnd(pattern: string, at: number): number | null {
  for (let inner = at + 1; inner < pattern.length; inner += 1) {
    if (pattern[inner] === "\\") inner += 1;
    else if (pattern[inner] === "]") return inner + 1;
  }
  return null;
}

const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;
const QUANTIFIER_MOST_CHARS = 64;

/** The runs of characters that every match of a branch holds as they stand. */
function partsOf(branch: string): { readonly runs: readonly string[]; readonly isPlain: boolean } {
  const runs: string[] = [];
  let run = "";
  let isPlain = true;
  const end = (): void => {
    runs.push(run);
    run = "";
    isPlain = false;
  };
  for (let at = 0; at < branch.length;) {
    const next = tokenEnd(branch, at) ?? branch.length;
    const character = literalOf(branch.slice(at, next));
    const [times = ""] = QUANTIFIER.exec(branch.slice(next, next + QUANTIFIER_MOST_CHARS)) ?? [];
    if (character === null || (times !== "" && !times.startsWith("+"))) end();
    else run += character;
    // Whatever follows is no neighbour of the last one of many.
    if (times !== "") end();
    at = next + times.length;
  }
  runs.push(run);
  return { runs, isPlain };
}

/** What a token stands for when it stands for itself; null otherwise. */
function literalOf(token: string): string | null {
  if (token.length === 2 && token.startsWith("\\")) {
    const [, escaped = ""] = token;
    // Letters and digits behind a backslash mean something else.
    return /[A-Za-z0-9]/.test(escaped) ? null : escaped;
  }
  return token.length === 1 && !/[\^$.*+?{}|]/.test(token) ? token : null;
}
