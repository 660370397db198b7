/**
 * A daemon that tells its parent when it has looked at each agent for the first time since its
 * start: the real one, with one port of it listened to.
 */
import { performance } from "node:perf_hooks";
import { runDaemon } from "../src/bin/daemon.ts";
import type { Setting } from "../src/supervision/setting.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";

const wanted = Number(process.argv[2]);
const seen = new Set<string>();
const composedAt: number[] = [];
let restoredAt = 0;

/** The exit record is the last thing that a pass over a live agent looks at. */
function listening(setting: Setting): Setting {
  composedAt.push(performance.now());
  const readExit = (directory: string) => {
    const record = setting.files.readExit(directory);
    if (restoredAt === 0) restoredAt = performance.now();
    seen.add(directory);
    if (seen.size === wanted) {
      process.send?.({ composedAt: composedAt[0], restoredAt, lastAt: performance.now() });
    }
    return record;
  };
  return { ...setting, files: { ...setting.files, readExit } };
}

process.exit(await runDaemon(statePaths(process.env), process.env, listening));
