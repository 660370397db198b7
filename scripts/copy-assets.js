// Copies what tsc leaves out of dist (or of the folder that is named): shell programs, demo agents and other files that are no TypeScript.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const DIST = resolve(process.argv[2] ?? join(ROOT, "dist"));
const assets = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name));

for (const from of assets) {
  const to = join(DIST, from.slice(join(ROOT, "src").length));
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  // Programs stay programs: npm and umask may have their own mind about modes.
  chmodSync(to, statSync(from).mode & 0o111 ? 0o755 : 0o644);
}
