/** Choosing the lines of an answer when not all are wanted: the last ones, or both ends. */
import { linesFrom, tailLines, type Line, type LinesPage, type LinesWanted } from "./lines.ts";
import type { OutputFile } from "./ports.ts";

/** Lines in file order, with a hole where the middle was not read. */
export interface Picked {
  readonly head: readonly Line[];
  /** Bytes between head and rest that were not read; 0 when there is no hole. */
  readonly hole: number;
  readonly rest: readonly Line[];
  readonly linesRead: number;
  /** True when lines that were wanted are missing. */
  readonly leftOut: boolean;
}

/** The last lines of a range, as many as are wanted and as its byte limit allows. */
export async function pickTail(
  file: OutputFile,
  wanted: LinesWanted & { readonly maxLines: number },
): Promise<Picked> {
  const page = await tailLines(file, wanted);
  return { ...onePiece(page), leftOut: !page.complete && page.lines.length < wanted.maxLines };
}

/** A range whole, or `maxBytes` of each of its ends. */
export async function pickEnds(file: OutputFile, wanted: LinesWanted): Promise<Picked> {
  const head = await linesFrom(file, wanted);
  if (head.complete) return { ...onePiece(head), leftOut: false };
  const rest = await tailLines(file, { ...wanted, from: head.cursor });
  return {
    head: head.lines,
    hole: rest.cursor - head.cursor,
    rest: rest.lines,
    linesRead: head.linesRead + rest.linesRead,
    leftOut: !rest.complete,
  };
}

function onePiece(page: LinesPage) {
  return { head: page.lines, hole: 0, rest: [], linesRead: page.linesRead };
}
