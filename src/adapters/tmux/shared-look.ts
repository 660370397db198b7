/** Lets many askers share one look. */

/**
 * A look that is never older than the question: whoever asks while one runs gets the next one,
 * together with all who asked meanwhile. So any number of askers at once cost two looks.
 */
export function sharedLook<T>(look: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;
  return async () => {
    if (running === null) return begin();
    next ??= running.then(begin, begin);
    return next;
  };

  async function begin(): Promise<T> {
    next = null;
    const begun = look();
    running = begun;
    try {
      return await begun;
    } finally {
      if (running === begun) running = null;
    }
  }
}
