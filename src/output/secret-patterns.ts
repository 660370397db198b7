/**
 * How secrets look that are told by their form alone. Each pattern runs in linear time over any
 * text. Where a pattern has a group named `secret`, that part is masked; else all of the match.
 */

/** Between a name and its value: `: `, `=`, `":"`, `\":\"` (JSON within JSON). */
const IS = String.raw`\\{0,3}["']?\s{0,4}[:=]\s{0,4}\\{0,3}["']?`;

/** What comes before is no part of the same word; in JSON it may be the `n` of a newline. */
const BEGIN = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))`;
/** White space between the words of a key, as it is or as JSON writes it, once or twice. */
const GAP = String.raw`(?:\s|\\{1,4}[nrt]){1,4}`;

export interface SecretPattern {
  readonly name: string;
  readonly pattern: string;
  /** What every match has from one place on, three bytes, one of these; the rarest that it has. */
  readonly leads: readonly string[];
  /** From the beginning of a match to that place. Bytes. */
  readonly leadAt: number;
}

export const SECRET_PATTERNS: readonly SecretPattern[] = [
  { name: "token of Corral", pattern: "corral_[0-9a-f]{64}", leads: ["al_"], leadAt: 4 },
  {
    name: "key of Anthropic",
    pattern: `${BEGIN}sk-ant-[A-Za-z0-9_-]{16,}`,
    leads: ["sk-"],
    leadAt: 0,
  },
  {
    name: "key of OpenAI",
    pattern: `${BEGIN}sk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})`,
    leads: ["sk-"],
    leadAt: 0,
  },
  { name: "key of Google", pattern: "AIza[0-9A-Za-z_-]{35}", leads: ["AIz"], leadAt: 0 },
  { name: "token of Google", pattern: "ya29\\.[0-9A-Za-z_-]{20,}", leads: ["ya2"], leadAt: 0 },
  {
    name: "token of GitHub",
    pattern: `${BEGIN}gh[pousr]_[A-Za-z0-9]{36,}`,
    leads: ["hp_", "ho_", "hu_", "hs_", "hr_"],
    leadAt: 1,
  },
  {
    name: "fine-grained token of GitHub",
    pattern: "github_pat_[A-Za-z0-9_]{22,}",
    leads: ["b_p"],
    leadAt: 5,
  },
  {
    name: "token of GitLab",
    pattern: `${BEGIN}glpat-[A-Za-z0-9_-]{20,}`,
    leads: ["glp"],
    leadAt: 0,
  },
  { name: "token of npm", pattern: `${BEGIN}npm_[A-Za-z0-9]{36}`, leads: ["pm_"], leadAt: 1 },
  {
    name: "token of Slack",
    pattern: `${BEGIN}xox[abeoprs]-[A-Za-z0-9-]{10,}`,
    leads: ["xox"],
    leadAt: 0,
  },
  {
    name: "access key of AWS",
    pattern: `${BEGIN}(?:AKIA|ASIA)[0-9A-Z]{16}`,
    leads: ["AKI", "ASI"],
    leadAt: 0,
  },
  {
    name: "secret key of AWS",
    pattern: `[Aa][Ww][Ss]_[Ss][Ee][Cc][Rr][Ee][Tt]_[Aa][Cc][Cc][Ee][Ss][Ss]_[Kk][Ee][Yy]${IS}(?<secret>[A-Za-z0-9/+=]{40})`,
    leads: ["ws_", "wS_", "Ws_", "WS_"],
    leadAt: 1,
  },
  {
    name: "JSON web token",
    pattern: "eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}",
    leads: ["eyJ"],
    leadAt: 0,
  },
  {
    // Words have no digits, tokens have.
    name: "bearer token",
    pattern: "[Bb]earer\\s{1,4}(?<secret>(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{16,})",
    leads: ["rer"],
    leadAt: 3,
  },
  {
    name: "basic authorization",
    pattern: `[Aa]uthorization${IS}[Bb]asic\\s{1,4}(?<secret>[A-Za-z0-9+/=]{12,})`,
    leads: ["riz"],
    leadAt: 5,
  },
  {
    name: "key in a header",
    pattern: `[Xx]-(?:goog-)?[Aa]pi-[Kk]ey${IS}(?<secret>[A-Za-z0-9._~+/=-]{16,})`,
    leads: ["x-g", "x-a", "x-A", "X-g", "X-a", "X-A"],
    leadAt: 0,
  },
  {
    name: "password in an address",
    pattern: "://[^\\s/:@\"'\\\\]{1,128}:(?<secret>[^\\s/:@\"'\\\\]{8,256})@",
    leads: ["://"],
    leadAt: 0,
  },
  {
    // Its end may be cut off, or not written yet: what could still be the key is masked, too.
    name: "private key",
    pattern:
      "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----" +
      `(?<secret>(?:${GAP}(?:Proc-Type|DEK-Info|Version|Comment):[^\\n"\\\\]{0,100})*` +
      `(?:${GAP}[A-Za-z0-9+/=]{20,})*(?:${GAP}[A-Za-z0-9+/=]{1,19})?)`,
    leads: ["-BE"],
    leadAt: 4,
  },
];

/** Names of variables whose values are taken for secrets. */
const SECRET_NAME =
  /KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|PRIVATE|COOKIE|DSN|(?:^|_)(?:PAT|PWD)$/i;
/** Names that say where something lies, not what it is. */
const PLACE_NAME = /(?:_FILE|_PATH|_DIR|_SOCK|_HELPER_TTL_MS|_ALGORITHMS?)$|^(?:PWD|OLDPWD)$/i;
/** Shorter values occur in ordinary text. Characters. */
export const SECRET_MIN_CHARS = 8;

/**
 * The secrets among variables, by their names; each line of one that has several.
 *
 * A path is no secret, whatever its variable is called; neither is what the patterns find anyway.
 */
export function secretsAmong(variables: Readonly<Record<string, string>>): readonly string[] {
  const found = Object.entries(variables)
    .filter(([name, value]) => SECRET_NAME.test(name) && !PLACE_NAME.test(name) && !isPath(value))
    .flatMap(([, value]) => value.split(/\r?\n/))
    // What a header says before its token is no secret, and elsewhere the token may stand alone.
    .map((line) => line.trim().replace(/^(?:bearer|basic|token)\s+/i, ""))
    .filter((line) => line.length >= SECRET_MIN_CHARS && !/^corral_[0-9a-f]{64}$/.test(line))
    // The first and last line of a key say nothing, and every key has them.
    .filter((line) => !line.startsWith("-----"));
  return [...new Set(found.flatMap(spellings))];
}

function isPath(value: string): boolean {
  return /^(?:~|\.{1,2})?\/[^\s]*$/.test(value) && !value.includes("@");
}

/** As it is, as JSON and JSON within JSON within JSON write it, and as an address writes it. */
function spellings(secret: string): readonly string[] {
  const once = escaped(secret);
  const twice = escaped(once);
  return [secret, once, twice, escaped(twice), encodeURIComponent(secret.toWellFormed())];
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
