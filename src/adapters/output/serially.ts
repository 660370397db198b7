/** Work on one thing, one after the other. */

/** Runs work for a key after all earlier work for it has ended, well or not; other keys do not wait. */
export function serially(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const own = before.then(work, work);
    // What it ends with is its caller's business.
    const settled = own.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, settled);
    try {
      return await own;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
