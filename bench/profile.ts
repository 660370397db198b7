/** Where a process of Node spends its time, by the inspector's sampling profiler. */

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Functions that are printed at most, of each kind. */
const SHOWN_MOST = 45;
const SAMPLE_US = 500;

/**
 * Profiles a process while something is measured.
 * @param url  Of its inspector: ws://…
 * @returns    What was measured, and the profile as text: functions by their own time and by all below them. Milliseconds.
 */
export async function profileOf<T>(
  url: string,
  measure: () => Promise<T>,
): Promise<{ readonly result: T; readonly text: string }> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  let last = 0;
  const ask = (method: string, params = {}): Promise<unknown> => {
    const id = (last += 1);
    return new Promise((resolve) => {
      const heard = ({ data }: MessageEvent): void => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (answer.id !== id) return;
        socket.removeEventListener("message", heard);
        resolve(answer.result);
      };
      socket.addEventListener("message", heard);
      socket.send(JSON.stringify({ id, method, params }));
    });
  };
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await ask("Profiler.start");
  const result = await measure();
  const { profile } = (await ask("Profiler.stop")) as { profile: Profile };
  socket.close();
  return { result, text: shown(profile) };
}

function shown({ nodes, samples, timeDeltas }: Profile): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const [own, all] = [new Map<string, number>(), new Map<string, number>()];
  for (const [index, id] of samples.entries()) {
    const ms = (timeDeltas[index] ?? 0) / 1_000;
    const names = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parentOf.get(at)) {
      names.add(nameOf(byId.get(at)!));
    }
    if (names.has("(idle) ")) continue;
    const self = nameOf(byId.get(id)!);
    own.set(self, (own.get(self) ?? 0) + ms);
    for (const name of names) all.set(name, (all.get(name) ?? 0) + ms);
  }
  return `own time, ms\n${top(own)}\n\nwith all below, ms\n${top(all)}`;
}

function nameOf({ callFrame: { functionName, url } }: ProfileNode): string {
  return `${functionName || "(anonymous)"} ${url.split("/").slice(-2).join("/")}`;
}

function top(times: ReadonlyMap<string, number>): string {
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SHOWN_MOST)
    .map(([name, ms]) => `${ms.toFixed(1).padStart(9)}  ${name}`)
    .join("\n");
}
