/** Signals go to one process each, by kill(2), after a look at it: never to a group, to everybody, or by name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import { pathsBelow } from "../helpers/source-graph.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

const WIDE: readonly RegExp[] = [
  /process\.kill\(\s*-/,
  /\b(pkill|killall|skill|fuser|pgrep|killpg)\b/,
  // `kill` as a program: one release of it took "-PGID" for "-1".
  /(spawn|exec)(File)?(Sync)?\(\s*\[?\s*["'`](\/usr)?(\/bin\/)?kill["'`]/,
];

test("no signal goes to a group, to everybody or by name", () => {
  const sources = pathsBelow("src", ".ts");
  expect(sources.length).toBeGreaterThan(100);
  const wide = sources.flatMap((path) => {
    const text = readFileSync(join(REPOSITORY, path), "utf8").replaceAll(
      /\/\*[\s\S]*?\*\/|\/\/.*/g,
      "",
    );
    return WIDE.filter((pattern) => pattern.test(text)).map((pattern) => `${path}: ${pattern}`);
  });
  expect(wide).toEqual([]);
});

test("every kill of the runner names one process that it has just found or started", () => {
  const kills = readFileSync(RUNNER_SCRIPT, "utf8")
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => [...line.matchAll(/\bkill ((?:-s \S+ )?\S+)/g)].map(([, words]) => words));
  // -l names a number, -0 only asks.
  const isAimed = (words = ""): boolean => /^(-s "?[A-Z$][A-Z0-9]*"? )?"\$[a-z!_]+"$/.test(words);
  expect(kills.filter((words) => !isAimed(words) && words !== "-l" && words !== "-0")).toEqual([]);
  expect(kills.length).toBeGreaterThan(3);
});
