/**
 * What an agent printed, made harmless for a terminal in the page. Pure.
 *
 * Let through: text, tab, line ends, backspace, and control sequences that move, wipe and colour. Taken
 * out: every string that asks something of the terminal itself (titles, links, the clipboard, colours of
 * the palette, device strings), questions that a terminal answers, other character sets, and a reset.
 */
export interface Filter {
  /** Takes the next piece, cut anywhere. @returns what a terminal may be given. */
  push(piece: string): string;
}

/** A sequence that is longer is none: it is taken out to its end, and nothing of it is kept. */
const SEQUENCE_MOST = 256;
/** Final letters of control sequences that are let through. */
const FINALS = new Set("ABCDEFGHIJKLMPSTXZ@`adefhlmr");
/** Modes of private sequences (`?25h`): the cursor, wrapping, the other screen. */
const MODES = /^\?(?:25|7|1049|1047|47|2026)$/;
const STRINGS = new Set("]PX^_");
const PLAIN = "\t\n\r\b";

type Where = "text" | "escape" | "sequence" | "string" | "string-escape";

/** A filter of one stream; it remembers where a piece was cut. */
export function filterOfStream(): Filter {
  let where: Where = "text";
  let held = "";

  function take(letter: string): string {
    switch (where) {
      case "text":
        return inText(letter);
      case "escape":
        return afterEscape(letter);
      case "sequence":
        return inSequence(letter);
      case "string":
        if (letter === "\u001b") where = "string-escape";
        else if (letter === "\u0007" || letter === "\u009c" || letter === "\u0018") where = "text";
        return "";
      case "string-escape":
        // ESC \ ends it; any other letter begins a sequence of its own.
        where = "escape";
        return letter === "\\" ? ended("") : afterEscape(letter);
    }
  }

  function inText(letter: string): string {
    if (letter === "\u001b") where = "escape";
    else if (letter === "\u009b") where = "sequence";
    else if ("\u009d\u0090\u0098\u009e\u009f".includes(letter)) where = "string";
    else return letter >= " " && !isControl(letter) ? letter : PLAIN.includes(letter) ? letter : "";
    held = "";
    return "";
  }

  function afterEscape(letter: string): string {
    if (letter === "[") {
      where = "sequence";
      held = "";
      return "";
    }
    if (STRINGS.has(letter)) {
      where = "string";
      return "";
    }
    if (letter === "\u001b") return "";
    // Of the short ones: keep and restore the cursor, go up, down, to the next line.
    if ("78MDE".includes(letter)) return ended(`\u001b${letter}`);
    // "(B" and the like take one letter more.
    if (letter >= " " && letter <= "/") return "";
    return ended("");
  }

  function inSequence(letter: string): string {
    if (letter === "\u001b") {
      where = "escape";
      return "";
    }
    if (letter < " " || isControl(letter)) return PLAIN.includes(letter) ? letter : "";
    if (letter < "@" || letter > "~") {
      if (held.length < SEQUENCE_MOST) held += letter;
      return "";
    }
    return ended(isLetThrough(held, letter) ? `\u001b[${held}${letter}` : "");
  }

  function ended(text: string): string {
    where = "text";
    held = "";
    return text;
  }

  return {
    push(piece) {
      let left = "";
      for (const letter of piece) left += take(letter);
      return left;
    },
  };
}

function isLetThrough(parameters: string, final: string): boolean {
  if (!FINALS.has(final) || parameters.length >= SEQUENCE_MOST) return false;
  if (/^[0-9;:]*$/.test(parameters)) return true;
  return (final === "h" || final === "l") && MODES.test(parameters);
}

function isControl(letter: string): boolean {
  return (
    (letter >= "\u007f" && letter <= "\u009f") ||
    (letter >= "\u202a" && letter <= "\u202e") ||
    (letter >= "\u2066" && letter <= "\u2069")
  );
}
