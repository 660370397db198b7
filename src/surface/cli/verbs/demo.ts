import { example, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** `corral demo`: a throw-away world, and proof that nothing of it is left. */
export const demo: Verb = {
  define(command, bind) {
    example(command, "corral demo");
    bind(command, (ports) => ports.runDemo({ json: wantsJson(command) }));
  },
};
