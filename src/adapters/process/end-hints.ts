/** Passes on, to whoever listens, that a runner may have ended. */

export interface EndHints {
  /** The runner of that agent, or any (null), may have ended. */
  tell(agentId: string | null): void;
  /** @returns the way to stop listening. */
  listen(listener: (agentId: string | null) => void): () => void;
}

export function endHints(): EndHints {
  const listeners = new Set<(agentId: string | null) => void>();
  return {
    tell(agentId) {
      for (const listener of listeners) listener(agentId);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
