#!/usr/bin/env node
// The launcher is plain JavaScript in old syntax, so that a Node that is too old can still say so.
import { existsSync } from "node:fs";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const MINIMUM = [24, 12];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
  process.stderr.write(
    `corral needs Node ${MINIMUM.join(".")} or newer and this is ${process.versions.node}: install a newer Node, or run "npm ci" in a checkout and use "npx corral", which brings its own.\n`,
  );
  process.exit(2);
}

// A daemon that is being started should answer soon: it needs nothing of the command line.
const isDaemon = process.argv.length === 3 && process.argv[2] === "daemon";
// Before anything is loaded, because the process may have to begin again.
if (isDaemon) (await import("./daemon-process.js")).becomeDaemonProcess();

// Compiling and stripping types is most of a start: keep what came out of it beside the packages.
// A folder that cannot be written changes nothing but the time.
module.enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/corral", import.meta.url)));

const entry = isDaemon ? "daemon-entry" : "corral";
// A checkout runs its sources; the published package, which Node will not strip types in, runs its bundle.
const source = new URL(`../src/bin/${entry}.ts`, import.meta.url);
await import(
  existsSync(source) ? source.href : new URL(`../dist/bundle/${entry}.js`, import.meta.url).href
);
