import { example } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** `corral mcp`: the stdio front end; ends when its client closes stdin. */
export const mcp: Verb = {
  define(command, bind) {
    example(command, "claude mcp add corral -- npx corral mcp");
    bind(command, (ports) => ports.runBridge());
  },
};
