/** The difference of two texts, as people read it. Pure. */
import { SECRET_PATTERNS } from "../../../output/secret-patterns.ts";

const CONTEXT_LINES = 3;

/**
 * One hunk from the first line that differs to the last, with a few lines around it. What looks
 * like a secret there is masked: the lines are a stranger's.
 *
 * @returns Lines that begin with `-`, `+` or a blank; empty when nothing differs.
 */
export function diffLines(before: string, after: string): readonly string[] {
  if (before === after) return [];
  const [old, now] = [linesOf(before), linesOf(after)];
  const least = Math.min(old.length, now.length);
  let head = 0;
  while (head < least && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < least - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const begin = Math.max(0, head - CONTEXT_LINES);
  const end = old.length - tail;
  const marked = (mark: string, lines: readonly string[]): readonly string[] =>
    lines.map((line) => `${mark}${masked(line)}`);
  return [
    `@@ line ${begin + 1} @@`,
    ...marked(" ", old.slice(begin, head)),
    ...marked("-", old.slice(head, end)),
    ...marked("+", now.slice(head, now.length - tail)),
    ...marked(" ", old.slice(end, end + CONTEXT_LINES)),
  ];
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

const SECRETS = SECRET_PATTERNS.map(({ pattern }) => new RegExp(pattern, "g"));

function masked(line: string): string {
  return SECRETS.reduce((text, pattern) => text.replaceAll(pattern, "[masked]"), line);
}
