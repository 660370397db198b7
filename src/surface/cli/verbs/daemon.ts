import { example } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** `corral daemon`: what `corral up` starts in the background. */
export const daemon: Verb = {
  define(command, bind) {
    example(command, "corral daemon");
    bind(command, (ports) => ports.runDaemon());
  },
};
