/** Reads source files the way a compiler does: what they import, export and call. Judges nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

const REPOSITORY = join(import.meta.dirname, "../..");

export interface Import {
  /** As written: `"../kernel/fault.ts"`, `"node:fs"`, `"zod"`. */
  readonly specifier: string;
  /** Path of the file from the repository's root; undefined for packages and node: modules. */
  readonly file: string | undefined;
  /** `type` when nothing of it is there at run time; `dynamic` for `import()`. */
  readonly kind: "value" | "type" | "dynamic";
}

export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Names that other files can import; types too. */
  readonly exports: readonly string[];
  /** Uses of time, chance, timers and the process, as `Date.now` with the line. */
  readonly impurities: readonly string[];
  /** Names of signals in its text, quoted: `SIGTERM`. */
  readonly signals: readonly string[];
}

/** Every file below a folder of the repository whose name ends so. */
export function pathsBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending) && !path.includes("node_modules"))
    .map((path) => posix.join(folder, path))
    .toSorted();
}

/** Text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

/** Every TypeScript file, with or without JSX, below a folder of the repository, parsed. */
export function sourcesBelow(folder: string): readonly SourceFile[] {
  return [...pathsBelow(folder, ".ts"), ...pathsBelow(folder, ".tsx")].map((path) =>
    parseSource(path, textOf(path)),
  );
}

/**
 * Parses one file.
 * @throws when the text is no TypeScript: a file that cannot be read proves nothing.
 */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const { staticImports, staticExports, dynamicImports } = parsed.module;
  const resolve = (specifier: string, kind: Import["kind"]): Import => ({
    specifier,
    kind,
    file: specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined,
  });
  const kindOf = (entries: readonly { readonly isType: boolean }[]) =>
    entries.length > 0 && entries.every(({ isType }) => isType) ? "type" : "value";
  const exported = staticExports.flatMap(({ entries }) => entries);
  return {
    path,
    lines: text.split("\n").length - 1,
    imports: [
      ...staticImports.map(({ moduleRequest, entries }) =>
        resolve(moduleRequest.value, kindOf(entries)),
      ),
      ...exported.flatMap((entry) =>
        entry.moduleRequest ? [resolve(entry.moduleRequest.value, kindOf([entry]))] : [],
      ),
      ...dynamicImports.map(({ moduleRequest: { start, end } }) =>
        resolve(text.slice(start, end).replaceAll(/["'`]/g, ""), "dynamic"),
      ),
    ],
    exports: exported.flatMap(({ exportName }) => exportName.name ?? []),
    impurities: impuritiesOf(parsed.program, text),
    signals: [...text.matchAll(/["'`](SIG[A-Z0-9]+)["'`]/g)].map(([, name = ""]) => name),
  };
}

const IMPURE_OBJECTS = new Set(["process", "performance", "crypto"]);
const IMPURE_MEMBERS = new Set(["Date.now", "Math.random"]);
const IMPURE_CALLS = new Set(["setTimeout", "setInterval", "setImmediate", "fetch"]);

function impuritiesOf(program: ReturnType<typeof parseSync>["program"], text: string): string[] {
  const found: string[] = [];
  const note = (what: string, at: number) => {
    found.push(`${what} in line ${text.slice(0, at).split("\n").length}`);
  };
  new Visitor({
    MemberExpression(node) {
      if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
      const name = `${node.object.name}.${node.property.name}`;
      if (IMPURE_MEMBERS.has(name) || IMPURE_OBJECTS.has(node.object.name)) note(name, node.start);
    },
    CallExpression(node) {
      if (node.callee.type !== "Identifier") return;
      if (IMPURE_CALLS.has(node.callee.name)) note(node.callee.name, node.start);
    },
    NewExpression(node) {
      const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
      if (isDate && node.arguments.length === 0) note("new Date()", node.start);
    },
  }).visit(program);
  return found;
}

/**
 * The first ring of files that import each other's values, as a path that ends where it began;
 * undefined when there is none. Types are gone at run time, and a dynamic import is how a ring
 * is broken, so neither counts.
 */
export function findCycle(files: readonly SourceFile[]): readonly string[] | undefined {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const { file, kind } of byPath.get(path)?.imports ?? []) {
      const cycle =
        file === undefined || kind !== "value" ? undefined : visit(file, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const { path } of files) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
