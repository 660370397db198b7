/** Agents that play what a real CLI once printed. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../helpers/world.ts";

export const STREAMS = join(import.meta.dirname, "../fixtures/streams");

/**
 * A program that prints a captured stream of the real CLI, and then does nothing for ever.
 * @returns the PATH in which it is found.
 */
export function install(world: World, cli: string): string {
  const bin = join(world.folder, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh
IFS= read -r _
[ -z "$PLAY" ] || cat "$PLAY"
[ -z "$PLAY_STDERR" ] || cat "$PLAY_STDERR" >&2
eval "$NEXT"
exec sleep 600
`;
  writeFileSync(join(bin, cli), script);
  chmodSync(join(bin, cli), 0o755);
  return `${bin}:${world.env["PATH"] ?? ""}`;
}
