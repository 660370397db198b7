/** `corral daemon` without the command line's own start-up: what the launcher runs for exactly that. */
import { statePaths } from "../surface/cli/state-paths.ts";
import { runDaemon } from "./daemon.ts";

process.exit(await runDaemon(statePaths(process.env), process.env));
