/**
 * What tmux says that a pane shows, as lines that may be handed out. Pure.
 *
 * tmux has obeyed every sequence that an agent wrote, so a page never sees one of the agent's own. What it
 * tells of cells may hold colours, marks of line drawing, and links; only colours stay.
 */

/** Select graphic rendition, and nothing else that begins with an escape. */
const SEQUENCE =
  // oxlint-disable-next-line no-control-regex -- telling them apart is the point
  /\u001b\[[0-9;:]*m|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b\[[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?|[\u0000-\u000d\u0010-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const COLOURS =
  // oxlint-disable-next-line no-control-regex -- a colour begins with one
  /^\u001b\[[0-9;:]*m$/;
/** Between shift out and shift in, letters stand for lines. */
const DRAWN =
  // oxlint-disable-next-line no-control-regex -- these are the marks
  /\u000e([^\u000f]*)\u000f?/g;
const LINES: Readonly<Record<string, string>> = {
  a: "▒",
  j: "┘",
  k: "┐",
  l: "┌",
  m: "└",
  n: "┼",
  q: "─",
  t: "├",
  u: "┤",
  v: "┴",
  w: "┬",
  x: "│",
};

/** One line of a pane: text and colours. */
export function cleanPaneLine(line: string): string {
  return line
    .replaceAll(SEQUENCE, (found) => (COLOURS.test(found) ? found : ""))
    .replaceAll(DRAWN, (_, letters: string) =>
      letters.replaceAll(/[a-z]/g, (letter) => LINES[letter] ?? letter),
    )
    .replaceAll("\u000f", "");
}

/**
 * Lines without secrets. A line in which one was found loses its colours.
 *
 * A text that goes on at the right edge is two lines for tmux; a secret in it is found all the same.
 *
 * @param columns  Of the pane.
 * @param mask     Stars in place of secrets, as many as they have bytes.
 */
export function maskedLines(
  lines: readonly string[],
  columns: number,
  mask: (bytes: Uint8Array) => Uint8Array,
): readonly string[] {
  return runsOf(lines, columns).flatMap((run) => {
    const plain = run.map(withoutColours);
    const bytes = Buffer.from(plain.join(""));
    const masked = mask(bytes);
    if (masked === bytes || bytes.equals(masked)) return run;
    let rest = Buffer.from(masked).toString();
    return plain.map((line) => {
      const part = rest.slice(0, line.length);
      rest = rest.slice(line.length);
      return part;
    });
  });
}

/** Lines with those that they may go on in. Half of a line may be of wide letters. */
function runsOf(lines: readonly string[], columns: number): readonly (readonly string[])[] {
  const runs: string[][] = [];
  let goesOn = false;
  for (const line of lines) {
    if (goesOn) runs.at(-1)?.push(line);
    else runs.push([line]);
    goesOn = withoutColours(line).length * 2 >= columns;
  }
  return runs;
}

function withoutColours(line: string): string {
  // oxlint-disable-next-line no-control-regex -- cleaned lines have no other
  return line.replaceAll(/\u001b\[[0-9;:]*m/g, "");
}
