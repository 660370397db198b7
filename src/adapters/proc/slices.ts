/** Long walks over processes, cut so that the event loop is never held for long. */

/**
 * How long one slice may hold the event loop before it lets others run. Far below what may be
 * seen from outside (20 ms), because what comes before the first slice and after the last one, and
 * the collection of garbage, hold it as well. Milliseconds.
 */
const SLICE_MS = 4;
/** Items between two readings of the clock. */
const SLICE_ITEMS = 8;

/**
 * Calls back for every item in order, letting others run in between.
 * @param begunAt  When the caller began to hold the event loop, on `performance.now()`.
 */
export async function inSlices<T>(
  items: readonly T[],
  visit: (item: T) => void,
  begunAt = performance.now(),
): Promise<void> {
  let sliceEnds = begunAt + SLICE_MS;
  for (let index = 0; index < items.length; index += 1) {
    visit(items[index] as T);
    if (index % SLICE_ITEMS === 0 && performance.now() > sliceEnds) {
      await new Promise(setImmediate);
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
}
