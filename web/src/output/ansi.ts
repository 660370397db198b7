/**
 * Terminal colours of an agent's output as spans. Pure.
 *
 * Only colour and weight mean anything here; every other control sequence is taken out, and text can
 * never become more than text.
 */
export interface Span {
  readonly text: string;
  /** Class names, empty for plain text. */
  readonly look: string;
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
/** Colours and other sequences, in that order; then what no terminal may be sent. */
const SEQUENCE =
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

interface Look {
  readonly colour: string;
  readonly bold: boolean;
  readonly dim: boolean;
}

const PLAIN: Look = { colour: "", bold: false, dim: false };

/** The spans of one line; a look does not go over its end. */
export function spansOf(line: string): readonly Span[] {
  const spans: Span[] = [];
  let look = PLAIN;
  let at = 0;
  const add = (to: number): void => {
    if (to > at) spans.push({ text: line.slice(at, to), look: classesOf(look) });
  };
  for (const found of line.matchAll(SEQUENCE)) {
    add(found.index);
    at = found.index + found[0].length;
    if (found[2] === "m") look = after(look, found[1] ?? "");
  }
  add(line.length);
  return spans;
}

function after(look: Look, codes: string): Look {
  let next = look;
  for (const code of codes.split(/[;:]/).map(Number)) {
    if (code === 38 || code === 48) return next; // 256 and true colours: not shown, and their numbers are no codes
    next = step(next, code);
  }
  return next;
}

function step(look: Look, code: number): Look {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: "" };
  if (code >= 30 && code <= 37) return { ...look, colour: COLOURS[code - 30] ?? "" };
  if (code >= 90 && code <= 97) return { ...look, colour: COLOURS[code - 90] ?? "" };
  return look;
}

function classesOf({ colour, bold, dim }: Look): string {
  return [colour && `ansi-${colour}`, bold && "ansi-bold", dim && "ansi-dim"]
    .filter(Boolean)
    .join(" ");
}
