/** The configurations of MCP clients, and how a client starts this very program. */
import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { clientConfigs } from "../adapters/client-config/client-configs.ts";
import type { ClientConfigs } from "../surface/cli/install/ports.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";

const SCRIPT = fileURLToPath(new URL("../../bin/corral.js", import.meta.url));

export function clientFiles({ stateDir }: StatePaths, env: PathEnvironment): ClientConfigs {
  return clientConfigs({
    stateDir,
    launcher: () => ({
      onPath: onPath(env["PATH"] ?? ""),
      node: process.execPath,
      script: SCRIPT,
      stateDir: env["CORRAL_STATE_DIR"] ? stateDir : null,
    }),
  });
}

/** `corral` of the PATH, when it is this program and no other of that name. */
function onPath(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    // npm puts such a folder there for as long as it runs us; no client has it.
    if (!isAbsolute(folder) || folder.endsWith(join("node_modules", ".bin"))) continue;
    const file = join(folder, "corral");
    try {
      accessSync(file, constants.X_OK);
      return realpathSync(file) === realpathSync(SCRIPT) ? file : null;
    } catch {
      // Not in this one.
    }
  }
  return null;
}
