/**
 * What somebody typed into a search, as terms.
 *
 *   word          must occur
 *   "two words"   must occur together
 *   begin*        a word that begins so
 *   -word         must not occur
 *
 * Everything else is text: no query is wrong.
 */

export interface SearchTerm {
  /** Well-formed, without control characters, never empty. */
  readonly text: string;
  /** True when a longer word fits as well. */
  readonly isPrefix: boolean;
}

export interface SearchTerms {
  readonly wanted: readonly SearchTerm[];
  readonly unwanted: readonly SearchTerm[];
}

const TERMS_MOST = 32;
const TERM = /(-?)"([^"]*)"?(\*?)|(-?)(\S+)/g;
/** A term without a letter or a number can be found nowhere. */
const SAYS_SOMETHING = /[\p{L}\p{N}\p{Co}]/u;

/** Reads a query. Never throws; more than 32 terms are not looked at. */
export function parseSearch(query: string): SearchTerms {
  // oxlint-disable-next-line no-control-regex -- they separate words like blanks
  const text = query.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]/g, " ");
  const wanted: SearchTerm[] = [];
  const unwanted: SearchTerm[] = [];
  for (const [, minus, phrase, star, sign, word = ""] of text.matchAll(TERM)) {
    if (wanted.length + unwanted.length === TERMS_MOST) break;
    const term = phrase === undefined ? termOf(word) : { text: phrase, isPrefix: star === "*" };
    if (!SAYS_SOMETHING.test(term.text)) continue;
    ((minus ?? sign) === "-" ? unwanted : wanted).push(term);
  }
  return { wanted, unwanted };
}

function termOf(word: string): SearchTerm {
  const isPrefix = word.endsWith("*");
  return { text: isPrefix ? word.replace(/\*+$/, "") : word, isPrefix };
}

/**
 * The part of a text around the first term that it holds; its beginning when none is found as it stands.
 *
 * @param maxChars  Longest excerpt, marks not counted.
 */
export function excerptOf(text: string, { wanted }: SearchTerms, maxChars: number): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  if (line.length <= maxChars) return line;
  const small = line.toLowerCase();
  const found = wanted
    .map((term) => small.indexOf(term.text.toLowerCase()))
    .filter((at) => at >= 0);
  const first = found.length === 0 ? 0 : Math.min(...found);
  const from = Math.max(0, Math.min(first - Math.floor(maxChars / 4), line.length - maxChars));
  // Not in the middle of a character.
  const part = line.slice(from, from + maxChars).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, "");
  return `${from > 0 ? "…" : ""}${part}${from + maxChars < line.length ? "…" : ""}`;
}
