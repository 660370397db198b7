/**
 * Installs into a client's file, or takes it back, and is killed before one step of the writing:
 * node fault-install.ts FOLDER install|undo STEP. STEP "none" goes through.
 */
import { join } from "node:path";
import { clientConfigs } from "../../src/adapters/client-config/client-configs.ts";
import { runCommandLine } from "../../src/surface/cli/program.ts";
import type { CliPorts } from "../../src/surface/cli/ports.ts";

const [, , folder = "", what = "install", step = "none"] = process.argv;

const ports = {
  env: { HOME: folder },
  cwd: folder,
  platform: "linux",
  version: "0.0.0",
  ask: null,
  terminal: {
    isTty: false,
    colour: false,
    columns: 80,
    line: () => {},
    note: (words: string) => process.stderr.write(`${words}\n`),
  },
  clientConfigs: async () =>
    clientConfigs({
      stateDir: join(folder, "state"),
      launcher: () => ({ onPath: null, node: "/node", script: "/corral.js", stateDir: null }),
      onStep(now) {
        if (now === step) process.kill(process.pid, "SIGKILL");
      },
    }),
} as unknown as CliPorts;

const words = ["install", "gemini", "--yes", ...(what === "undo" ? ["--undo"] : [])];
process.exitCode = await runCommandLine(words, ports);
