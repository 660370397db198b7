/** The table of classes in docs/reliability.md names tests that are there, and every test that was made for a class. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentText, tableRows } from "../helpers/markdown.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
/** Made for classes alone. */
const OWN = ["test/e2e/ways-of-leaking.test.ts", "test/e2e/ways-of-killing-wrongly.test.ts"];

interface Holder {
  readonly path: string;
  readonly title: string;
}

function sectionOf(markdown: string): string {
  const from = markdown.indexOf("## Classes of leaks");
  return markdown.slice(from, markdown.indexOf("\n## ", from + 1));
}

const rows = tableRows(sectionOf(documentText("docs/reliability.md"))).slice(2);
const holdersOf = (cell: string): readonly Holder[] =>
  [...cell.matchAll(/`(test\/[^`]+)` "([^"]+)"/g)].map(([, path = "", title = ""]) => ({
    path,
    title,
  }));
const isHeading = (first: string): boolean => first.startsWith("**");
const classes = rows.filter(([first = ""]) => !isHeading(first));
const holders = classes.flatMap(([, , cell = ""]) => holdersOf(cell));

test("every class is held by a test", () => {
  const unheld = classes.filter(([, , cell = ""]) => holdersOf(cell).length === 0);
  expect(unheld.map(([first]) => first)).toEqual([]);
  expect(classes.length).toBeGreaterThan(40);
});

test("every test that the table names is there, under that title", () => {
  const missing = holders.filter(({ path, title }) => {
    const file = join(REPOSITORY, path);
    return !existsSync(file) || !readFileSync(file, "utf8").includes(`"${title}"`);
  });
  expect(missing).toEqual([]);
});

test.for(OWN)("every test of %s is in the table", (path) => {
  const titles = [
    ...readFileSync(join(REPOSITORY, path), "utf8").matchAll(
      /\btest(?:\.[a-zA-Z]+\([^\n]*\))?\(\s*"([^"]+)"/g,
    ),
  ];
  const told = new Set(holders.filter((one) => one.path === path).map(({ title }) => title));
  expect(titles.map(([, title = ""]) => title).filter((title) => !told.has(title))).toEqual([]);
  expect(titles.length).toBeGreaterThan(5);
});
