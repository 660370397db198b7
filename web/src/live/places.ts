/** What addresses mean. Pure. */
export type Place =
  | { readonly page: "overview" | "cleanup" | "settings" | "login" | "unknown" }
  | { readonly page: "task" | "agent"; readonly id: string };

const PAGES = new Set(["cleanup", "settings", "login"] as const);

/** What an address means; an address that cannot be decoded means nothing. */
export function placeOf(path: string): Place {
  const [, first = "", id = "", ...more] = path.split("/");
  if (first === "") return { page: "overview" };
  for (const page of PAGES) if (first === page && id === "") return { page };
  if (more.length > 0 || id === "") return { page: "unknown" };
  const name = decoded(id);
  if (name === null) return { page: "unknown" };
  if (first === "tasks") return { page: "task", id: name };
  if (first === "agents") return { page: "agent", id: name };
  return { page: "unknown" };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function taskPath(id: string): string {
  return `/tasks/${encodeURIComponent(id)}`;
}

export function agentPath(id: string): string {
  return `/agents/${encodeURIComponent(id)}`;
}
