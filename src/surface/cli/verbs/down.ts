import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { leave } from "./leave.ts";

/** `corral down`: ends the agents, gives everything back, stops the daemon. */
export const down: Verb = {
  define(command, bind) {
    example(command, "corral down");
    bind(command, (ports) => leave(ports, "end", wantsJson(command)));
  },
};
