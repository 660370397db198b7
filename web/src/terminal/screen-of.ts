/** Looks at an agent's pane for as long as somebody watches; nothing is left behind when they go. */
import type { Screen, ScreenAnswer } from "../../../src/contract/screen.ts";
import { get } from "../live/api.ts";
import { pause } from "../live/paced.ts";

const QUICK_MS = 250;
const SLOW_MS = 1_500;
const SLOWER = 1.5;

/** Each screen that is another one; ends when there is no pane any more. @throws {ApiFault}. */
export async function* screensOf(agentId: string, signal: AbortSignal): AsyncGenerator<Screen> {
  let seen: string | null = null;
  let restMs = QUICK_MS;
  while (!signal.aborted) {
    const query: string = seen === null ? "" : `?seen=${encodeURIComponent(seen)}`;
    const path = `/api/agents/${encodeURIComponent(agentId)}/screen${query}`;
    const answer: ScreenAnswer = await get<ScreenAnswer>(path, signal);
    if (answer.state === "none") return;
    seen = answer.digest;
    if (answer.screen !== null) yield answer.screen;
    restMs = answer.screen === null ? Math.min(SLOW_MS, restMs * SLOWER) : QUICK_MS;
    await pause(restMs);
  }
}
