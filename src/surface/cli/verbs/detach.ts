import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { leave } from "./leave.ts";

/** `corral detach`: stops the daemon and keeps the agents. */
export const detach: Verb = {
  define(command, bind) {
    example(command, "corral detach && npm install -g corral && corral up");
    bind(command, (ports) => leave(ports, "detach", wantsJson(command)));
  },
};
