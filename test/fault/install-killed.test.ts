/** `corral install`, killed before each step of its writing: the file is the old one or the new one, and can be taken back. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const PROGRAM = join(import.meta.dirname, "../helpers/fault-install.ts");
const BEFORE = `{\n  // Mine.\n  "theme": "dark"\n}\n`;
const STEPS = ["folder", "temporary", "rename"] as const;

/** @returns how it ended. */
function run(folder: string, what: "install" | "undo", step = "none") {
  const { signal, status, stderr } = spawnSync(process.execPath, [PROGRAM, folder, what, step], {
    encoding: "utf8",
  });
  return step === "none" ? { status, stderr } : { signal };
}

test.for(STEPS.flatMap((step) => [["install", step] as const, ["undo", step] as const]))(
  "%s, killed before the step %s",
  ([what, step]) => {
    const folder = mkdtempSync(join(tmpdir(), "install-killed-"));
    const file = join(folder, ".gemini/settings.json");
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(file, BEFORE);
    try {
      if (what === "undo") expect(run(folder, "install")).toEqual({ status: 0, stderr: "" });
      const old = readFileSync(file, "utf8");
      expect(run(folder, what, step)).toEqual({ signal: "SIGKILL" });
      expect(readFileSync(file, "utf8")).toBe(old);

      // The same again goes through, and leaves nothing of the first try.
      expect(run(folder, what)).toEqual({ status: 0, stderr: "" });
      expect(readFileSync(file, "utf8").includes("corral")).toBe(what === "install");
      expect(readdirSync(join(folder, ".gemini"))).toEqual(["settings.json"]);

      expect(run(folder, "undo")).toEqual({ status: 0, stderr: "" });
      expect(readFileSync(file, "utf8")).toBe(BEFORE);
      expect(readdirSync(join(folder, "state/installs"))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(existsSync(folder)).toBe(false);
  },
);
