/** Where runner.sh lies: beside this file, in a checkout and in the built package alike. */
import { fileURLToPath } from "node:url";

/** Absolute path of runner.sh. */
export const RUNNER_SCRIPT: string = fileURLToPath(new URL("./runner.sh", import.meta.url));
