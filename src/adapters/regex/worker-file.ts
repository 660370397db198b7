/** Where the worker's own file lies: beside this one, as source or as built. It imports nothing, and is never bundled. */
export const WORKER_FILE = new URL(
  import.meta.url.endsWith(".ts") ? "./line-matcher-worker.ts" : "./line-matcher-worker.js",
  import.meta.url,
);
