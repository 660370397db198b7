/**
 * Words that admit unfinished work, told from words that report its removal.
 *
 * "Removed the mock and the TODO" is good news, "the parser is still a mock" is not, and
 * "the tests mock the clock" or "built the TODO app" are neither. So a text is judged clause
 * by clause: a word counts when it stands alone (not inside a path or an identifier), and
 * nothing in its clause says that it is gone, is about tests, or is the subject of the work.
 */

interface Rule {
  readonly word: RegExp;
  /** Things of that name that are no admission. */
  readonly innocent?: RegExp;
}

/** Stands alone: not part of a longer word, a path, an option or a file name. */
const alone = (words: string, flags = "i") =>
  new RegExp(`(?<![\\w./\\\\$-])(?:${words})(?![\\w/\\\\-]|\\.\\w)`, flags);

const RULES: readonly Rule[] = [
  // Upper case only: "todo" in running text is mostly a list or an application.
  {
    word: alone("TODOs?|FIXMEs?|XXX", ""),
    innocent: /\bTODO[ -]?(app|application|list|items?)\b/i,
  },
  { word: alone("not (?:yet )?implemented|unimplemented|to be implemented") },
  { word: alone("mocks?|mocked"), innocent: /\b(?:tests?|specs?|suite|fixtures?|testing)\b/i },
  {
    word: alone("fakes?|faked|dummy|dummies"),
    innocent: /\b(?:tests?|specs?|suite|fixtures?|testing)\b/i,
  },
  {
    word: alone("stubs?|stubbed(?: out)?"),
    innocent: /\b(?:tests?|specs?|suite|fixtures?|testing)\b/i,
  },
  {
    word: alone("placeholders?"),
    innocent: /\bplaceholder (?:text|attribute|prop|property|image|label|string)\b/i,
  },
];

const GONE =
  /\b(?:remov\w*|replac\w*|delet\w*|eliminat\w*|dropp?\w*|resolv\w*|clean\w*|clear\w*|convert\w*|no|not? any|none|without|zero|never|instead of|fixed|got rid of|addressed|searched|grep\w*)\b/i;
/** After a removal, these start the admission again: "removed the mock but left a TODO". */
const CLAUSE_ENDS =
  /[;:!?\n]+|\.(?=\s|$)|,?\s+(?:but|however|although|though|except|while|and (?:left|still|kept|there (?:is|are)))\b/i;
const STILL = /\b(?:left|still|remain\w*|kept|for now|temporar\w*)\b/i;

/**
 * The words of a message that admit unfinished work.
 *
 * @returns As they stand in the text, in order, each once; empty when there are none.
 */
export function admittedPlaceholders(message: string): readonly string[] {
  const admitted = splitKeeping(message, CLAUSE_ENDS).flatMap(admittedIn);
  return [...new Set(admitted)];
}

function admittedIn(clause: string): readonly string[] {
  return RULES.flatMap(({ word, innocent }) => {
    const found = word.exec(clause);
    if (found === null) return [];
    const stays = STILL.test(clause) && !/\b(?:no|none|nothing|without|zero)\b/i.test(clause);
    if (!stays && (GONE.test(clause.replace(found[0], "")) || innocent?.test(clause))) return [];
    return [found[0]];
  });
}

/** Splits before each separator, so that "but left a TODO" keeps its verb. */
function splitKeeping(text: string, separator: RegExp): readonly string[] {
  return text.split(new RegExp(`(?=${separator.source})`, separator.flags));
}
