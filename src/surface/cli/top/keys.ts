/** What a key does: the next state, and what is to be done in the world. Pure. */
import type { AgentView } from "../../../contract/agent.ts";
import type { KeyPress } from "../ports.ts";
import { hasEnded } from "../views.ts";
import { rowsOf, cursorAt } from "./choose.ts";
import { COLUMN_NAMES } from "./columns.ts";
import { alertLines } from "./details.ts";
import { HELP_LINES } from "./help.ts";
import { tableHeight } from "./layout.ts";
import { NO_OUTPUT } from "./model.ts";
import type { Mode, TopState } from "./model.ts";

export type Effect =
  | { readonly do: "quit" }
  | { readonly do: "suspend" }
  | { readonly do: "redraw" }
  | { readonly do: "stop"; readonly agent: AgentView }
  | { readonly do: "message"; readonly agent: AgentView; readonly text: string };

export interface Pressed {
  readonly state: TopState;
  readonly effect: Effect | null;
}

/** Most letters of a message, as the contract has it, and of a filter. */
const MESSAGE_MOST = 8_000;
const FILTER_MOST = 200;

/** Takes one key. Ctrl-C always quits. */
export function press(state: TopState, key: KeyPress): Pressed {
  if (key.ctrl && key.name === "c") return withEffect(state, { do: "quit" });
  if (key.ctrl && key.name === "z") return withEffect(state, { do: "suspend" });
  if (key.ctrl && key.name === "l") return withEffect(state, { do: "redraw" });
  const { mode } = state;
  switch (mode.kind) {
    case "table":
      return onTable({ ...state, notice: null }, key);
    case "filter":
      return only(onFilter(state, key));
    case "stop":
      return onStop(state, mode, key);
    case "message":
      return onMessage(state, mode, key);
    case "page":
      return only(onPage(state, mode, key));
  }
}

function only(state: TopState): Pressed {
  return { state, effect: null };
}

function withEffect(state: TopState, effect: Effect): Pressed {
  return { state, effect };
}

function onTable(state: TopState, key: KeyPress): Pressed {
  const move = moveOf(key, pageOf(state));
  if (move !== null) {
    return only(state.isPaneFocused ? scrollPane(state, move) : moveCursor(state, move));
  }
  switch (key.text || key.name) {
    case "q":
      return withEffect(state, { do: "quit" });
    case "?":
    case "h":
      return only(withPage(state, "Help", HELP_LINES));
    case "!":
      return only(withPage(state, "What wants a look", alertLines(state)));
    case "/":
      return only({ ...state, mode: { kind: "filter" }, isPaneFocused: false });
    case "a":
      return only({ ...state, shown: state.shown === "live" ? "all" : "live" });
    case "s":
    case ">":
      return only(sortedBy(state, 1));
    case "S":
    case "<":
      return only(sortedBy(state, -1));
    case "r":
      return only({
        ...state,
        sort: { ...state.sort, isReversed: !state.sort.isReversed },
        from: 0,
      });
    case "x":
      return only(asking(state, (agent) => ({ kind: "stop", agentId: agent.agent_id })));
    case "m":
      return only(
        asking(state, (agent) => ({ kind: "message", agentId: agent.agent_id, text: "" })),
      );
    default:
      return only(onPaneKey(state, key));
  }
}

/** Opening, closing and following the pane below the table. */
function onPaneKey(state: TopState, { name, text }: KeyPress): TopState {
  if (name === "escape") return leaveOne(state);
  if (name === "tab")
    return { ...state, isPaneFocused: state.pane !== null && !state.isPaneFocused };
  if (text === "f") return { ...state, behind: 0 };
  if (name === "return" || text === "o") return withPane(state, "output");
  if (text === "d" || text === "i") return withPane(state, "details");
  return state;
}

/** Escape goes back by one: focus, pane, filter. */
function leaveOne(state: TopState): TopState {
  if (state.isPaneFocused) return { ...state, isPaneFocused: false, behind: 0 };
  if (state.pane !== null) return withPane(state, state.pane);
  return state.filter === "" ? state : { ...state, filter: "" };
}

/** The same again closes it. */
function withPane(state: TopState, pane: NonNullable<TopState["pane"]>): TopState {
  const next = state.pane === pane ? null : pane;
  return settled({ ...state, pane: next, isPaneFocused: false, behind: 0 });
}

/** Opens a page of lines to read over everything else. */
export function withPage(state: TopState, title: string, lines: readonly string[]): TopState {
  return { ...state, mode: { kind: "page", title, lines, from: 0 } };
}

type Move = { readonly by: number } | { readonly to: "first" | "last" };

function moveOf({ name, text, ctrl }: KeyPress, page: number): Move | null {
  if (name === "up" || text === "k") return { by: -1 };
  if (name === "down" || text === "j") return { by: 1 };
  if (name === "pageup" || (ctrl && name === "b")) return { by: -page };
  if (name === "pagedown" || (ctrl && name === "f") || text === " ") return { by: page };
  if (name === "home" || text === "g") return { to: "first" };
  if (name === "end" || text === "G") return { to: "last" };
  return null;
}

function pageOf(state: TopState): number {
  const height = tableHeight(state);
  return Math.max(1, (state.isPaneFocused ? state.size.rows - height : height) - 2);
}

function moveCursor(state: TopState, move: Move): TopState {
  const rows = rowsOf(state);
  const last = rows.length - 1;
  const at = cursorAt(rows, state.chosen);
  const to = "to" in move ? (move.to === "first" ? 0 : last) : at + move.by;
  const chosen = rows[Math.max(0, Math.min(last, to))]?.agent.agent_id ?? null;
  return settled({ ...state, chosen, behind: chosen === state.chosen ? state.behind : 0 });
}

/** Up goes back in the output; how far there is to go, the layout knows. */
function scrollPane(state: TopState, move: Move): TopState {
  if (state.pane !== "output") return state;
  if ("to" in move) return { ...state, behind: move.to === "last" ? 0 : Number.MAX_SAFE_INTEGER };
  return { ...state, behind: Math.max(0, state.behind - move.by) };
}

function sortedBy(state: TopState, step: number): TopState {
  const at = COLUMN_NAMES.indexOf(state.sort.column) + step + COLUMN_NAMES.length;
  const column = COLUMN_NAMES[at % COLUMN_NAMES.length] ?? state.sort.column;
  return { ...state, sort: { column, isReversed: false }, from: 0 };
}

/** Begins a question about the chosen agent, if it lives. */
function asking(state: TopState, modeFor: (agent: AgentView) => Mode): TopState {
  const agent = chosenAgent(state);
  if (agent === undefined) return { ...state, notice: { text: "No agent is chosen.", tone: null } };
  if (!hasEnded(agent)) return { ...state, mode: modeFor(agent) };
  return { ...state, notice: { text: `${agent.agent_id} has ended.`, tone: null } };
}

function onFilter(state: TopState, key: KeyPress): TopState {
  if (key.name === "return") return { ...state, mode: { kind: "table" } };
  if (key.name === "escape") return settled({ ...state, filter: "", mode: { kind: "table" } });
  return settled({ ...state, filter: typed(state.filter, key, FILTER_MOST) });
}

function onStop(state: TopState, mode: Extract<Mode, { kind: "stop" }>, key: KeyPress): Pressed {
  const back: TopState = { ...state, mode: { kind: "table" } };
  if (key.text !== "y") return only(back);
  const agent = state.agents.get(mode.agentId);
  if (agent === undefined) return only(back);
  const stopping = new Set([...state.stopping, agent.agent_id]);
  return withEffect({ ...back, stopping }, { do: "stop", agent });
}

function onMessage(state: TopState, mode: Extract<Mode, { kind: "message" }>, key: KeyPress) {
  const back: TopState = { ...state, mode: { kind: "table" } };
  if (key.name === "escape") return only(back);
  if (key.name !== "return") {
    return only({ ...state, mode: { ...mode, text: typed(mode.text, key, MESSAGE_MOST) } });
  }
  const agent = state.agents.get(mode.agentId);
  const text = mode.text.trim();
  if (agent === undefined || text === "") return only(back);
  return withEffect(back, { do: "message", agent, text });
}

function onPage(state: TopState, mode: Extract<Mode, { kind: "page" }>, key: KeyPress): TopState {
  const move = moveOf(key, Math.max(1, state.size.rows - 4));
  if (move === null) return { ...state, mode: { kind: "table" } };
  const most = Math.max(0, mode.lines.length - (state.size.rows - 3));
  const to = "to" in move ? (move.to === "first" ? 0 : most) : mode.from + move.by;
  return { ...state, mode: { ...mode, from: Math.max(0, Math.min(most, to)) } };
}

function typed(text: string, { name, text: more, ctrl }: KeyPress, most: number): string {
  if (name === "backspace") return shortened(text);
  if (ctrl && name === "u") return "";
  if (ctrl && name === "w") return text.replace(/\S*\s*$/, "");
  return ctrl ? text : `${text}${more}`.slice(0, most);
}

/** Without its last letter, of however many code points that is. */
function shortened(text: string): string {
  const letters = Array.from(new Intl.Segmenter("en").segment(text), ({ segment }) => segment);
  return letters.slice(0, -1).join("");
}

/** The agent that the cursor is on. */
export function chosenAgent(state: TopState): AgentView | undefined {
  const rows = rowsOf(state);
  return rows[cursorAt(rows, state.chosen)]?.agent;
}

/** With the output of the agent that the cursor is on now, and of no other. */
export function settled(state: TopState): TopState {
  const chosen = chosenAgent(state)?.agent_id ?? null;
  const wanted = state.pane === "output" ? chosen : null;
  if (state.output.agentId === wanted) return { ...state, chosen };
  return { ...state, chosen, behind: 0, output: { ...NO_OUTPUT, agentId: wanted } };
}
