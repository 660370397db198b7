/** The one store of the page: a value, who looks at it, and a frame in which changes gather. */
import { useSyncExternalStore } from "react";
import { NOTHING, type State } from "./state.ts";

let state: State = NOTHING;
let frame = 0;
const lookers = new Set<() => void>();

export function current(): State {
  return state;
}

/** Changes the state now and tells everybody once, in the next frame. */
export function change(step: (before: State) => State): void {
  const next = step(state);
  if (next === state) return;
  state = next;
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    for (const look of lookers) look();
  });
}

function subscribe(look: () => void): () => void {
  lookers.add(look);
  return () => lookers.delete(look);
}

/** A part of the state; the component renders again when that part is another one. */
export function useLive<T>(pick: (state: State) => T): T {
  return useSyncExternalStore(subscribe, () => pick(state));
}
