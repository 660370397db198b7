/** A command line as it may be shown: secrets masked, and short. Pure. */

const ARGUMENT_MOST = 80;
const ALL_MOST = 240;
const MASK = "•••";

/** Names of options and variables whose value is nobody's business. */
const SECRET_NAME =
  /(api[-_]?key|access[-_]?key|token|secret|passw(or)?d|passphrase|credential|authorization|auth|cookie|session[-_]?id|private[-_]?key|bearer|pat)s?$/i;
/** Values that say themselves what they are: keys of well-known issuers, JSON web tokens, long random words. */
const SECRET_VALUE =
  /\b(?:sk|pk|rk)-[\w-]{8,}|\bgh[pousr]_\w{8,}|\bgithub_pat_\w+|\bglpat-[\w-]+|\bxox[abprs]-[\w-]+|\bAIza[\w-]{10,}|\bAKIA\w{12,}|\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?|\b(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9+_-]{32,}={0,2}/g;
const USER_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi;
const SECRET_IN_TEXT =
  /((?:api[-_]?key|access[-_]?key|token|secret|passw(?:or)?d|authorization|bearer|cookie)s?["']?\s*[=:]\s*["']?(?:bearer\s+)?)[^\s"'&,;}]+/gi;
const CONTROL = /\p{Cc}+/gu;

/** @returns one line of at most 240 characters. */
export function shownArgv(argv: readonly string[]): string {
  const shown = argv.map((argument, at) => {
    const [before = ""] = argv.slice(at - 1, at);
    const isValue = at > 1 && /^--?[\w-]+$/.test(before) && SECRET_NAME.test(before);
    return isValue && !argument.startsWith("-") ? MASK : cut(masked(argument), ARGUMENT_MOST);
  });
  return cut(shown.join(" "), ALL_MOST);
}

function masked(argument: string): string {
  const [, name = "", value] = /^([\w.-]+)=(.*)$/s.exec(argument) ?? [];
  if (value !== undefined && SECRET_NAME.test(name)) return `${name}=${MASK}`;
  return argument
    .replaceAll(CONTROL, " ")
    .replaceAll(USER_IN_URL, `$1${MASK}@`)
    .replaceAll(SECRET_IN_TEXT, `$1${MASK}`)
    .replaceAll(SECRET_VALUE, MASK);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
