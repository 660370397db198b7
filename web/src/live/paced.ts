/** A question takes at most a fifth of the time, however large its answer. */
const REST_PER_WORK = 4;

/**
 * Makes `work` run soon after each call, never twice at the same time and with a rest in between;
 * calls meanwhile are one more run. So a storm of reasons costs little, and the last one counts.
 *
 * @param restMs  Least rest after each run, milliseconds. What takes long rests longer.
 * @param again   Judges a failure: true tries again after the rest.
 */
export function paced(
  restMs: number,
  work: () => Promise<void>,
  again: (error: unknown) => boolean,
): () => void {
  let isBusy = false;
  let isAsked = false;
  const go = async (): Promise<void> => {
    isBusy = true;
    while (isAsked) {
      isAsked = false;
      const begunAt = performance.now();
      try {
        await work();
      } catch (error) {
        isAsked ||= again(error);
      }
      const tookMs = performance.now() - begunAt;
      await pause(Math.max(restMs, tookMs * REST_PER_WORK));
    }
    isBusy = false;
  };
  return () => {
    isAsked = true;
    if (!isBusy) void go();
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
