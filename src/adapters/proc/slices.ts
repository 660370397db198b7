/** Long walks over processes, cut so that the event loop is never held for long. */

/** How long one slice may hold the event loop before it lets others run. Milliseconds. */
const SLICE_MS = 8;
/** Items between two readings of the clock. */
const SLICE_ITEMS = 16;

/** Calls back for every item in order, letting others run in between. */
export async function inSlices<T>(items: readonly T[], visit: (item: T) => void): Promise<void> {
  let sliceEnds = performance.now() + SLICE_MS;
  for (const [index, item] of items.entries()) {
    visit(item);
    if (index % SLICE_ITEMS === 0 && performance.now() > sliceEnds) {
      await new Promise(setImmediate);
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
}
