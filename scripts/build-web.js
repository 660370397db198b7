// Builds the dashboard from web/ into dist/web, unless what lies there is of these very sources already.
// It replaces the folder as a whole, so that a daemon that serves it sees one build or the other.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = join(import.meta.dirname, "..");
const WEB = join(ROOT, "web");
const BUILT = join(ROOT, "dist", "web");
const STAMP = "sources.sha256";

const wanted = stampOfSources();
if (stampOf(BUILT) !== wanted) await build();

/** The sources, and the lock file: it says with what they are built. */
function stampOfSources() {
  const hash = createHash("sha256");
  const files = filesBelow(WEB).toSorted();
  for (const path of [...files, join(ROOT, "package-lock.json"), import.meta.filename]) {
    hash
      .update(`${path.slice(ROOT.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

function stampOf(folder) {
  const path = join(folder, STAMP);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

async function build() {
  // Whoever asks for the build may be a test, and React would bring its development half.
  process.env["NODE_ENV"] = "production";
  const vite = await import("vite");
  const made = join(ROOT, "dist", `.web-${process.pid}`);
  const old = `${made}-old`;
  try {
    await vite.build({
      configFile: false,
      mode: "production",
      root: WEB,
      logLevel: "warn",
      oxc: { jsx: { runtime: "automatic" } },
      build: {
        outDir: made,
        emptyOutDir: true,
        target: "es2024",
        cssTarget: "chrome123",
        // A font in a style sheet would be a data: address, and our policy takes none.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
        license: { fileName: "licenses.md" },
      },
    });
    for (const path of filesBelow(made).filter((name) => /\.(js|css|svg)$/.test(name))) {
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    }
    writeFileSync(join(made, STAMP), wanted);
    mkdirSync(dirname(BUILT), { recursive: true });
    if (existsSync(BUILT)) renameSync(BUILT, old);
    renameSync(made, BUILT);
  } catch (error) {
    // Somebody else who built at the same time was first: his build is as good.
    if (stampOf(BUILT) !== wanted) throw error;
  } finally {
    for (const path of [made, old]) rmSync(path, { recursive: true, force: true });
  }
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
