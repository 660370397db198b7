/** Lines of a growing output, in blocks that never change once they are full. Pure. */
import type { ApiFault } from "../live/fault.ts";

/** A piece of output: whole lines, or text that may end in the middle of one. */
export interface Piece {
  readonly text: string;
  /** True when it replaces what was there: the beginning of a view. */
  readonly isFirst: boolean;
  readonly isEnd: boolean;
  /** Where reading would go on, when it stops here although there is more; absent otherwise. */
  readonly more?: number;
}

export interface Block {
  /** Number of its first line, from 0 for the first line that was read. */
  readonly first: number;
  readonly lines: readonly string[];
}

export interface Lines {
  readonly blocks: readonly Block[];
  /** Lines that were read and are shown no more, because there are so many. */
  readonly dropped: number;
  readonly isEnd: boolean;
  /** Where reading would go on; null while it goes on by itself, or at the end. */
  readonly more: number | null;
  readonly isLoading: boolean;
  readonly fault: ApiFault | null;
}

const BLOCK_LINES = 100;
const BLOCKS_MOST = 200;

export const NO_LINES: Lines = {
  blocks: [],
  dropped: 0,
  isEnd: false,
  more: null,
  isLoading: true,
  fault: null,
};

/** Adds a piece. Pure. @param joins  True when pieces may end in the middle of a line. */
export function withPiece(before: Lines, piece: Piece, joins: boolean): Lines {
  const start = piece.isFirst ? NO_LINES : before;
  const { isEnd, more = null } = piece;
  const ended = { isEnd, more, isLoading: false, fault: null };
  if (piece.text === "") return { ...start, ...ended };
  const blocks = [...start.blocks];
  const lines = piece.text.split("\n");
  const tail = blocks.pop() ?? { first: 0, lines: [] };
  const open = [...tail.lines];
  if (joins && open.length > 0) open.push((open.pop() ?? "") + (lines.shift() ?? ""));
  const all = [...open, ...lines];
  for (let at = 0; at < all.length; at += BLOCK_LINES) {
    blocks.push({ first: tail.first + at, lines: all.slice(at, at + BLOCK_LINES) });
  }
  const kept = blocks.slice(-BLOCKS_MOST);
  return { ...ended, blocks: kept, dropped: kept[0]?.first ?? 0 };
}
