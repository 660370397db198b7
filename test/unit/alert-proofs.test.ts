/** No rule of alerts, and no limit that one tells of, without an end-to-end test that fires and clears it by its real cause. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ALERT_RULES } from "../../src/contract/alerts.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Each of them waits for its alerts, sees them on every surface and told once each, and sees them cleared. */
const PROOFS = ["alert-rules", "alert-limits", "alerts"];

const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const proofs = PROOFS.map((name) => text(`test/e2e/${name}.test.ts`)).join("\n");
/** `limit_near disk ${…}` and `limit_near all_memory daemon`, as the tests name them. */
const proven = new Set(
  [...proofs.matchAll(/["`]((?:limit_near|limit_reached) \w+) /g)].map(([, name]) => name),
);

/** What the sources make limits of: names in `fact("…")`, `name: "…"` and of all together. */
function limits(): Readonly<Record<"agent" | "task" | "all", readonly string[]>> {
  const facts = text("src/supervision/alerts/facts.ts");
  const together = text("src/supervision/alerts/together.ts");
  const named = (source: string, pattern: RegExp): readonly string[] => [
    ...new Set([...source.matchAll(pattern)].map(([, name]) => name ?? "")),
  ];
  return {
    agent: named(facts, /\.\.\.fact\("(\w+)"/g),
    task: named(facts, /\bname: "(\w+)"/g),
    all: named(together, /"(all_\w+)"/g),
  };
}

/** Limits that a `limit_reached` cannot be told of for half a minute, and what tells of them instead. */
const REACHED_OTHERWISE: Readonly<Record<string, string>> = {
  memory: "out_of_memory",
  all_memory: "out_of_memory",
  output: "agent_stopped",
  wall_clock: "agent_stopped",
};
/** Limits that are there to be used up. */
const NEVER_NEAR = new Set(["running"]);

describe("every rule", () => {
  test("is proven, and is in the table of the documents", () => {
    const documents = text("docs/monitoring.md");
    for (const rule of ALERT_RULES) {
      expect(proofs, rule).toMatch(new RegExp(`["\`]${rule}[ "]`));
      expect(documents, rule).toMatch(new RegExp(`^\\| \`${rule}\` `, "m"));
    }
  });
});

describe("every limit", () => {
  const all = Object.values(limits()).flat();

  test("is found in the sources", () => {
    expect(limits()).toEqual({
      agent: [
        "processes",
        "memory",
        "open_files",
        "output",
        "disk",
        "tokens",
        "cost",
        "wall_clock",
      ],
      task: ["running", "total", "disk", "tokens", "cost"],
      all: ["all_processes", "all_memory"],
    });
  });

  test.for([...new Set(all)])("%s is proven near and reached", (name) => {
    if (!NEVER_NEAR.has(name)) expect(proven).toContain(`limit_near ${name}`);
    const otherwise = REACHED_OTHERWISE[name];
    if (otherwise === undefined) expect(proven).toContain(`limit_reached ${name}`);
    else expect(proofs).toContain(`\`${otherwise} `);
  });
});
