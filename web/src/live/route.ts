/** Where in the dashboard the page is: the address, and nothing more. */
import { useSyncExternalStore } from "react";

const moved = new Set<() => void>();

/** Goes to another place, as a link does. */
export function goTo(path: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  scrollTo(0, 0);
  for (const tell of moved) tell();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

function subscribe(tell: () => void): () => void {
  moved.add(tell);
  addEventListener("popstate", tell);
  return () => {
    moved.delete(tell);
    removeEventListener("popstate", tell);
  };
}
