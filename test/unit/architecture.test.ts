/** The arrows between the rooms. The tables are the documentation; the checks keep them true. */
import { describe, expect, test } from "vitest";
import {
  findCycle,
  type Import,
  parseSource,
  pathsBelow,
  type SourceFile,
  sourcesBelow,
  textOf,
} from "../helpers/source-graph.ts";

interface Room {
  /** Rooms whose values it may import. Its own is always allowed. */
  readonly uses: readonly string[];
  /** Rooms of which it may import types only: a value would be judgement where none belongs. */
  readonly types?: readonly string[];
  /** Packages it may import. */
  readonly packages?: readonly RegExp[];
  /** True where I/O lives: any node: module, time, chance, timers. */
  readonly io?: boolean;
}

const MCP = /^@modelcontextprotocol\//;
const PURE = ["kernel", "contract", "tasks", "agents", "harness", "ledger", "output"];

//  kernel ← contract ← {tasks, agents} ← {harness, ledger, output} ← supervision ← surface ← bin
const ROOMS: Readonly<Record<string, Room>> = {
  kernel: { uses: [] },
  contract: { uses: ["kernel"], packages: [/^zod$/] },
  tasks: { uses: ["kernel", "contract"] },
  agents: { uses: ["kernel", "contract"] },
  harness: { uses: ["kernel", "contract", "tasks", "agents"] },
  ledger: { uses: ["kernel", "contract", "tasks", "agents"] },
  // It renders what harnesses say; which harness speaks is decided elsewhere.
  output: { uses: ["kernel", "contract", "tasks", "agents"], types: ["harness"] },
  supervision: { uses: PURE, packages: [/^zod$/] },
  surface: {
    uses: [...PURE, "supervision"],
    packages: [/^zod$/, /^commander$/, /^prom-client$/, MCP],
    io: true,
  },
  // The schemas of contract parse what comes over a wire, runner names the files that it writes.
  // Types of surface are ports of the command line.
  adapters: {
    uses: ["kernel", "contract", "runner"],
    types: [...PURE, "supervision", "surface"],
    packages: [/^jsonc-parser$/, /^smol-toml$/],
    io: true,
  },
  runner: { uses: ["kernel"], types: [...PURE, "supervision"], io: true },
  bin: {
    uses: [...PURE, "supervision", "surface", "adapters", "runner"],
    packages: [MCP],
    io: true,
  },
};

interface Exception {
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    from: "src/bin/corral.ts",
    to: "bin/daemon-process.js",
    why: "the launcher asks it before a line of TypeScript is loaded, and both start the same daemon",
  },
  {
    from: "src/bin/serving.ts",
    to: "bin/daemon-process.js",
    why: "what keeps a daemon's process small is said in one place",
  },
  {
    from: "src/adapters/sqlite/agent-rows.ts",
    to: "src/tasks/task.ts",
    why: "limits are judged inside the transaction that takes the place, or a race exceeds them",
  },
  {
    from: "src/adapters/sqlite/agent-rows.ts",
    to: "src/tasks/budget.ts",
    why: "a budget is judged, and a count kept from falling, inside the transaction that writes it",
  },
  {
    from: "src/adapters/output/stream-files.ts",
    to: "src/output/agent-output.ts",
    why: "it only opens the files that the judgement reads",
  },
  {
    from: "src/adapters/output/stream-files.ts",
    to: "src/output/outcome.ts",
    why: "it only opens the files that the judgement reads",
  },
  {
    from: "src/adapters/output/stream-files.ts",
    to: "src/output/redacted-file.ts",
    why: "what it opens is masked before anybody reads it",
  },
];

/** Modules of Node that only calculate. */
const CALCULATES = new Set(["node:path", "node:url", "node:assert"]);

/** Longest file, in lines. A file over it is read as one page for the reason given. */
const MOST_LINES = 400;
const LONGER: Readonly<Record<string, string>> = {};

function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** What an import breaks; undefined when it is allowed. */
function violationOf(from: SourceFile, { specifier, file, kind }: Import): string | undefined {
  const name = roomOf(from.path);
  const room = ROOMS[name];
  if (room === undefined) return "lies in no room";
  if (specifier.startsWith("node:")) {
    return room.io === true || CALCULATES.has(specifier) || kind === "type"
      ? undefined
      : `does I/O with ${specifier}`;
  }
  if (file === undefined) {
    const isAllowed = room.packages?.some((pattern) => pattern.test(specifier)) === true;
    return isAllowed ? undefined : `imports the package ${specifier}`;
  }
  const target = roomOf(file);
  if (target === name || room.uses.includes(target)) return undefined;
  if (isException(from.path, file)) return undefined;
  if (room.types?.includes(target) === true) {
    return kind === "type" ? undefined : `imports a value of ${file}: only types may cross here`;
  }
  // The command line starts its own daemon; the launcher does the rest.
  if (target === "bin" && kind === "dynamic" && from.path.startsWith("src/surface/cli/")) {
    return undefined;
  }
  return `imports ${file} against the arrows`;
}

function isException(from: string, to: string): boolean {
  return EXCEPTIONS.some((exception) => exception.from === from && exception.to === to);
}

function violationsOf(file: SourceFile): readonly string[] {
  const arrows = file.imports.flatMap((imported) => violationOf(file, imported) ?? []);
  const impure = ROOMS[roomOf(file.path)]?.io === true ? [] : file.impurities;
  return [...arrows, ...impure.map((use) => `uses ${use}`)].map((text) => `${file.path} ${text}`);
}

const sources = sourcesBelow("src");

describe("the source", () => {
  test("has files in every room that the table names, and no others", () => {
    const rooms = new Set(pathsBelow("src", "").filter(isFile).map(roomOf));
    expect([...rooms].toSorted()).toEqual(Object.keys(ROOMS).toSorted());
  });

  test("obeys the arrows, and its pure rooms take time, chance and timers as ports", () => {
    expect(sources.flatMap(violationsOf)).toEqual([]);
  });

  test("needs every exception that is made for it", () => {
    const unused = EXCEPTIONS.filter(({ from, to }) => {
      const source = sources.find(({ path }) => path === from);
      return source?.imports.some(({ file, kind }) => file === to && kind === "value") !== true;
    });
    expect(unused).toEqual([]);
  });

  test("imports only files that exist, by their whole name", () => {
    const paths = new Set([...pathsBelow("src", ""), ...pathsBelow("bin", ""), "package.json"]);
    const missing = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ file }) => file !== undefined && !paths.has(file))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(missing).toEqual([]);
  });

  test("has no rings", () => {
    expect(findCycle(sources)).toBeUndefined();
  });

  test(`has no file of more than ${MOST_LINES} lines without a reason`, () => {
    const long = sources.filter(({ lines }) => lines > MOST_LINES).map(({ path }) => path);
    expect(long).toEqual(Object.keys(LONGER));
  });
});

/** The dashboard knows of Corral what is published, and no value of it: it is served to browsers. */
const WEB_PACKAGES = [
  /^react$/,
  /^react-dom\/client$/,
  /^@fontsource-variable\//,
  /^@xterm\/xterm(\/css\/xterm\.css)?$/,
];
const pages = sourcesBelow("web/src");

function webViolationOf({ specifier, file, kind }: Import): string | undefined {
  if (file === undefined) {
    const isAllowed = WEB_PACKAGES.some((pattern) => pattern.test(specifier));
    return isAllowed ? undefined : `imports the package ${specifier}`;
  }
  if (file.startsWith("web/src/")) return undefined;
  if (!file.startsWith("src/contract/")) return `imports ${file}: only the contract is published`;
  return kind === "type" ? undefined : `imports a value of ${file}: only types cross the wire`;
}

function webViolationsOf({ path, imports }: SourceFile): readonly string[] {
  return imports.flatMap((imported) => {
    const violation = webViolationOf(imported);
    return violation === undefined ? [] : [`${path} ${violation}`];
  });
}

describe("the dashboard", () => {
  test("imports types of the contract and nothing else of ours", () => {
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.flatMap(webViolationsOf)).toEqual([]);
  });

  test("imports only files that exist, has no rings and no long file", () => {
    const paths = new Set([...pathsBelow("src", ""), ...pathsBelow("web/src", "")]);
    const missing = pages.flatMap(({ path, imports }) =>
      imports
        .filter(({ file }) => file !== undefined && !paths.has(file))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(missing).toEqual([]);
    expect(findCycle(pages)).toBeUndefined();
    expect(pages.filter(({ lines }) => lines > MOST_LINES).map(({ path }) => path)).toEqual([]);
  });

  test.for([
    ['import { TOOLS } from "../../../src/contract/tools.ts";', "only types cross"],
    ['import type { Store } from "../../../src/supervision/store.ts";', "only the contract"],
    ['import axios from "axios";', "imports the package axios"],
  ])("is checked: %s", ([text = "", expected = ""]) => {
    const violations = webViolationsOf(parseSource("web/src/live/x.ts", text));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(expected);
  });
});

function isFile(path: string): boolean {
  return /\.\w+$/.test(path) && textOf(path) !== "";
}

describe("the check finds", () => {
  test.for([
    ["src/kernel/x.ts", 'import { z } from "../contract/agent.ts";', "against the arrows"],
    ["src/agents/x.ts", 'import { t } from "../tasks/task.ts";', "against the arrows"],
    ["src/ledger/x.ts", 'export { s } from "../supervision/store.ts";', "against the arrows"],
    ["src/tasks/x.ts", 'import type { S } from "../supervision/store.ts";', "against the arrows"],
    ["src/adapters/x.ts", 'import { r } from "../ledger/release.ts";', "only types"],
    ["src/surface/x.ts", 'import { a } from "../adapters/fs/x.ts";', "against the arrows"],
    ["src/supervision/x.ts", 'await import("../bin/daemon.ts");', "against the arrows"],
    ["src/surface/cli/x.ts", 'import { d } from "../../bin/daemon.ts";', "against the arrows"],
    ["src/harness/x.ts", 'import { readFileSync } from "node:fs";', "does I/O with node:fs"],
    ["src/output/x.ts", 'import chalk from "chalk";', "imports the package chalk"],
    ["src/agents/x.ts", "export const at = () => Date.now();", "uses Date.now in line 1"],
    ["src/ledger/x.ts", "\nexport const at = new Date();", "uses new Date() in line 2"],
    ["src/tasks/x.ts", "export const id = Math.random();", "uses Math.random"],
    ["src/kernel/x.ts", 'export const e = process.env["X"];', "uses process.env"],
    ["src/supervision/x.ts", "setTimeout(() => {}, 5);", "uses setTimeout"],
    ["src/nowhere/x.ts", 'import { k } from "../kernel/ids.ts";', "lies in no room"],
  ])("%s: %s", ([path = "", text = "", expected = ""]) => {
    const violations = violationsOf(parseSource(path, text));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(expected);
  });

  test.for([
    ["src/adapters/x.ts", 'import type { Store } from "../supervision/store.ts";'],
    ["src/adapters/x.ts", 'import { type Store } from "../supervision/store.ts";'],
    ["src/adapters/x.ts", 'import { Fault } from "../kernel/fault.ts"; Date.now();'],
    ["src/agents/x.ts", "export const iso = (at: number) => new Date(at).toISOString();"],
    ["src/surface/cli/x.ts", 'await import("../../bin/daemon.ts");'],
    ["src/harness/x.ts", 'import { join } from "node:path";'],
  ])("nothing wrong in %s: %s", ([path = "", text = ""]) => {
    expect(violationsOf(parseSource(path, text))).toEqual([]);
  });

  test("a ring of files, and none where one side is a type or is loaded later", () => {
    const a = parseSource("src/kernel/a.ts", 'export { b } from "./b.ts";');
    const b = parseSource("src/kernel/b.ts", 'import { a } from "./a.ts";');
    const later = parseSource("src/kernel/b.ts", 'await import("./a.ts");');
    expect(findCycle([a, b])).toEqual(["src/kernel/a.ts", "src/kernel/b.ts", "src/kernel/a.ts"]);
    expect(findCycle([a, later])).toBeUndefined();
    const type = parseSource("src/kernel/b.ts", 'import type { A } from "./a.ts";');
    expect(findCycle([a, type])).toBeUndefined();
  });
});
