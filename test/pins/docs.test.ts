/** Documents that say what the code says; a document that is missing fails like one that lies. */
import { describe, expect, test } from "vitest";
import { FAULT_CODES } from "../../src/kernel/fault.ts";
import { SETTINGS, type SettingName, variableOf } from "../../src/supervision/configuration.ts";
import { CONNECT_CLAUDE } from "../../src/surface/cli/verbs/up.ts";
import {
  brokenLinks,
  documents,
  documentText,
  headings,
  isThere,
  tableRows,
} from "../helpers/markdown.ts";
import { sourcesBelow } from "../helpers/source-graph.ts";

/** One word per idea, everywhere. */
const WORDS = [
  "task",
  "agent",
  "harness",
  "runner",
  "host",
  "resource",
  "ledger",
  "settle",
  "release",
  "receipt",
  "sweep",
  "archive",
];
/** Words that say nothing; no name that others import may contain one. */
const EMPTY_WORDS = new Set(["manager", "helper", "util", "utils", "service", "data", "info"]);
const GUARANTEES = 10;

test("docs/errors.md has a section for every fault code, and for no other", () => {
  const sections = headings(documentText("docs/errors.md")).filter((text) =>
    /^[A-Z_]+$/.test(text),
  );
  expect(sections.toSorted()).toEqual([...FAULT_CODES].toSorted());
});

test("docs/glossary.md defines every word", () => {
  const text = documentText("docs/glossary.md");
  // A definition begins a line: as a heading, a list item, a table row or a bold word.
  const missing = WORDS.filter((word) => !new RegExp(`^[\\s#|*_-]*${word}\\b`, "im").test(text));
  expect(missing).toEqual([]);
});

test("docs/signals.md names every signal that the daemon handles", () => {
  const handled = sourcesBelow("src/bin").flatMap(({ signals }) => signals);
  const names = new Set(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", ...handled]);
  const text = documentText("docs/signals.md");
  const missing = [...names].filter(
    (name) => !new RegExp(`\\b(SIG)?${name.slice(3)}\\b`).test(text),
  );
  expect(missing).toEqual([]);
});

describe("docs/configuration.md", () => {
  const rows = () =>
    tableRows(documentText("docs/configuration.md")).filter(([cell = ""]) =>
      /^`[a-z][a-z0-9_]*`$/.test(cell),
    );

  test("lists exactly the settings", () => {
    const listed = rows().map(([cell = ""]) => cell.replaceAll("`", ""));
    expect(listed.toSorted()).toEqual(Object.keys(SETTINGS).toSorted());
  });

  test.for(Object.keys(SETTINGS) as SettingName[])("%s: variable and default", (name) => {
    const row = rows().find(([cell]) => cell === `\`${name}\``);
    const cells = (row ?? []).map((cell) => cell.replaceAll("`", ""));
    expect(cells).toContain(variableOf(name));
    const { fallback } = SETTINGS[name];
    expect(cells).toContain(typeof fallback === "string" ? fallback : JSON.stringify(fallback));
  });
});

test("README.md has the commands that it is about, each on a line of its own or in code", () => {
  const text = documentText("README.md");
  expect(text).toMatch(/^\s*npm ci && npm test\s*$/m);
  expect(text).toMatch(/npm run demo|npx corral demo/);
  expect(text).toContain(CONNECT_CLAUDE);
});

test("no relative link of a document leads nowhere", () => {
  const broken = documents().flatMap((path) =>
    brokenLinks(path, documentText(path)).map((target) => `${path} → ${target}`),
  );
  expect(broken).toEqual([]);
});

test("the check of links finds a missing file and a missing heading", () => {
  const text = "[a](../../package.json) [b](none.md) [c](#none) [d](https://example.org/none)";
  expect(brokenLinks("test/pins/here.md", text)).toEqual(["none.md", "#none"]);
});

describe("ARCHITECTURE.md", () => {
  test.for(Array.from({ length: GUARANTEES }, (_, index) => `G${index + 1}`))(
    "guarantee %s names a test that exists",
    (guarantee) => {
      const tests = testsNamed(documentText("ARCHITECTURE.md"), guarantee);
      expect(tests).not.toEqual([]);
      expect(tests.filter((path) => !isThere(path))).toEqual([]);
    },
  );

  test("the check reads one guarantee and not the next", () => {
    const text = "**G1** Holds.\nSee `test/fault/a.test.ts`.\n\n**G10** Too: test/e2e/b.test.ts\n";
    expect(testsNamed(text, "G1")).toEqual(["test/fault/a.test.ts"]);
    expect(testsNamed(text, "G10")).toEqual(["test/e2e/b.test.ts"]);
    expect(testsNamed(text, "G2")).toEqual([]);
  });
});

/** Test files named between the line that a guarantee begins and the next guarantee or heading. */
function testsNamed(text: string, guarantee: string): readonly string[] {
  const begin = new RegExp(`^[\\s#|*_-]*${guarantee}\\b`, "m").exec(text);
  if (begin === null) return [];
  const rest = text.slice(begin.index + begin[0].length);
  const end = /^[\s#|*_-]*G\d+\b|^#/m.exec(rest)?.index ?? rest.length;
  return rest.slice(0, end).match(/test\/[\w/.-]+\.test\.ts/g) ?? [];
}

test("no name that others import, and no file, contains a word that says nothing", () => {
  const named = sourcesBelow("src").flatMap(({ path, exports }) =>
    exports.concat(path.slice("src/".length)).map((name) => ({ name, where: path })),
  );
  const empty = named.filter(({ name }) => wordsOf(name).some((word) => EMPTY_WORDS.has(word)));
  expect(empty.map(({ name, where }) => `${name} in ${where}`)).toEqual([]);
  expect(wordsOf("sessionHelperOf")).toEqual(["session", "helper", "of"]);
});

function wordsOf(name: string): readonly string[] {
  const words = name.split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])/).filter(Boolean);
  return words.map((word) => word.toLowerCase());
}

test("decisions are numbered one after another, each with its own number on its first line", () => {
  const decisions = documents().filter((path) => path.startsWith("docs/adr/"));
  const numbers = decisions.map((path) => path.slice("docs/adr/".length, "docs/adr/0000".length));
  expect(numbers.toSorted()).toEqual(
    decisions.map((_, index) => String(index + 1).padStart(4, "0")),
  );
  const misnamed = decisions.filter(
    (path, index) => !documentText(path).startsWith(`# ${numbers[index]} `),
  );
  expect(misnamed).toEqual([]);
});
