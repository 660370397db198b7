// Bundles what tsc has written to dist (or to the folder that is named), with the packages that it imports, into dist/bundle: to
// find, read and link some hundreds of small files is more than half of a start. See docs/adr/0039-the-package-is-bundled.md.
import { dirname, join, resolve } from "node:path";
import { build } from "vite";

const DIST = resolve(process.argv[2] ?? join(dirname(import.meta.dirname), "dist"));
/** These say where a file beside them lies, and import nothing: they stay where they are. */
const PLACES = /\/(runner\/runner-script|regex\/worker-file|demo\/cast)\.js$/;

await build({
  configFile: false,
  root: DIST,
  logLevel: "error",
  ssr: { noExternal: true, target: "node" },
  build: {
    ssr: true,
    outDir: join(DIST, "bundle"),
    emptyOutDir: true,
    target: "node24",
    // Stack traces and bug reports are read by people.
    minify: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      input: ["daemon-entry", "corral"].map((entry) => join(DIST, "bin", `${entry}.js`)),
      external: PLACES,
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name]-[hash].js",
        // V8 keeps the text of what it runs: comments, too, and all of it with two bytes a letter where one letter needs two.
        charset: "ascii",
        comments: false,
      },
    },
  },
});
