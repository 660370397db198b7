/** How a process comes to bear a mark. Pure. */
import type { Mark } from "../kernel/watermark.ts";

/** The prlimit options that set a mark. */
export function markOptions({ soft, hard, seal = null }: Mark): readonly string[] {
  const pair = `--msgqueue=${soft}:${hard}`;
  return seal === null ? [pair] : [pair, `--locks=${seal}:${seal}`];
}
