/**
 * Bundles programs of tests into a folder: build-programs.ts FOLDER NAME…
 *
 * To find, read, strip and link some hundreds of small files is more than half of a start, and tests that
 * kill a daemon at every step start thousands of them. Nothing is left out or put in: every module still
 * tells where its source lies, so whatever is found by its place is found there.
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "vite";

const [folder = "", ...names] = process.argv.slice(2);

/** In a bundle all modules would lie where the bundle lies. */
const places: Plugin = {
  name: "places",
  transform(code, id) {
    if (id.includes("\0") || !code.includes("import.meta.")) return null;
    return code
      .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
      .replaceAll("import.meta.dirname", JSON.stringify(dirname(id)));
  },
};

await build({
  configFile: false,
  root: dirname(dirname(import.meta.dirname)),
  logLevel: "error",
  plugins: [places],
  ssr: { noExternal: true, target: "node" },
  build: {
    ssr: true,
    outDir: folder,
    emptyOutDir: true,
    target: "node24",
    minify: false,
    rolldownOptions: {
      input: names.map((name) => join(import.meta.dirname, `${name}.ts`)),
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});
