/** Values of a configuration as a tree, and what is said of one that cannot be edited. */
import { Fault } from "../../kernel/fault.ts";

export interface Tree {
  readonly [key: string]: unknown;
}

/** A copy without what the path leads to; branches that are empty then are gone, too. */
export function without(tree: Tree, [key = "", ...rest]: readonly string[]): Tree {
  const { [key]: branch, ...others } = tree;
  if (rest.length === 0 || typeof branch !== "object" || branch === null) return others;
  const left = without(branch as Tree, rest);
  return Object.keys(left).length === 0 ? others : { ...others, [key]: left };
}

/** 1 is the first line. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

export function unusable(why: string, path: readonly string[]): Fault {
  return new Fault("CLIENT_FILE_UNUSABLE", `The client's file was left as it is: ${why}.`, {
    hint: `Correct the file, or add ${path.join(".")} by hand as docs/cli.md shows.`,
    details: { why },
  });
}
