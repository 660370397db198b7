/** How long work holds the event loop. */

/**
 * The longest piece of work between two turns of the event loop. The loop is kept turning meanwhile.
 *
 * @param now  A clock, in milliseconds: the processor time of this thread (the default, counted by the
 *             system's tick of some 4 ms), which others do not stretch; or time that passes.
 * @returns    How to end it, for the longest so far in milliseconds.
 */
export function longestPiece(now: () => number = threadMs): () => number {
  let [most, isOver] = [0, false];
  let last = now();
  const turn = (): void => {
    const at = now();
    most = Math.max(most, at - last);
    last = at;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    return most;
  };
}

function threadMs(): number {
  const { system, user } = process.threadCpuUsage();
  return (system + user) / 1e3;
}
