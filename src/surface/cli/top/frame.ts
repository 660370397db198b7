/** The whole screen as lines, from the state alone. Pure. */
import { counted, humanBytes } from "../../../kernel/units.ts";
import { paint } from "../paint.ts";
import type { Tone } from "../paint.ts";
import { hasEnded } from "../views.ts";
import { rowsOf, cursorAt } from "./choose.ts";
import { COLUMNS, columnsFor, GAP } from "./columns.ts";
import type { Column, Subject } from "./columns.ts";
import { detailLines } from "./details.ts";
import { shortBytes, shortSpan } from "./figures.ts";
import { LEAST, outputHeight, outputRows, paneHeight, tableHeight } from "./layout.ts";
import type { TopState } from "./model.ts";
import { fit, plain } from "./width.ts";

/** What is before the agent that the cursor is on, so that it is told by more than a colour. */
const CURSOR = "▸";

/**
 * The lines of the screen, top first: as many as it has rows, each as wide as it is. Only the rows
 * in sight are made.
 *
 * @param state   Arranged: with the cursor in sight.
 * @param colour  False for text without colours.
 */
export function frameOf(state: TopState, colour: boolean): readonly string[] {
  const { columns, rows } = state.size;
  if (columns < LEAST.columns || rows < LEAST.rows) {
    const words = `Too small: ${columns}×${rows}. It takes ${LEAST.columns}×${LEAST.rows}.`;
    return filled([fit(words, columns)], rows, columns);
  }
  const { mode } = state;
  const page = mode.kind === "page" ? pageLines(state, mode, colour) : null;
  const above = page ?? [
    ...headLines(state, colour),
    ...tableLines(state, colour),
    ...paneLines(state, colour),
  ];
  return [...filled(above, rows - 1, columns), lastLine(state, colour)];
}

function filled(lines: readonly string[], rows: number, columns: number): readonly string[] {
  const missing = Math.max(0, rows - lines.length);
  return [...lines.slice(0, rows), ...Array.from({ length: missing }, () => " ".repeat(columns))];
}

function headLines(state: TopState, colour: boolean): readonly string[] {
  const { columns } = state.size;
  const { health, machine, link, alerts } = state;
  const up = shortSpan(state.now - Date.parse(health.started_at));
  const daemon =
    link === "live"
      ? `up ${up}, ${shortBytes(machine.daemon_bytes)}`
      : "does not answer; waiting for it";
  const { live, attention } = talliedOf(state);
  const agents = `${counted(live, "live agent")}, ${counted(health.resources_held, "resource")} held`;
  const look = attention === 0 ? "" : `, ${attention} need attention`;
  const memory = `${humanBytes(machine.memory_free_bytes)} of ${humanBytes(machine.memory_bytes)} memory free`;
  const load = `load ${machine.load.toFixed(1)} on ${counted(machine.cores, "core")}`;
  const disk =
    health.disk === null
      ? ""
      : `, ${humanBytes(health.disk.free_bytes)} disk free${health.disk.level === "fine" ? "" : ` (${health.disk.level})`}`;
  const first = plain(`corral ${health.version}  daemon ${daemon}  ${agents}${look}`);
  const lines = [
    paint(fit(first, columns), link === "lost" ? "bad" : "strong", colour),
    paint(fit(`${load}, ${memory}${disk}`, columns), "quiet", colour),
  ];
  if (alerts.length === 0) return lines;
  const newest = alerts.toReversed().map((alert) => `${alert.subject.id}: ${alert.evidence}`);
  const told = plain(`! ${counted(alerts.length, "alert")}: ${newest.join(" | ")}`);
  return [...lines, paint(fit(told, columns), "bad", colour)];
}

function talliedOf({ agents }: TopState): { readonly live: number; readonly attention: number } {
  let live = 0;
  let attention = 0;
  for (const agent of agents.values()) {
    const isLive = !hasEnded(agent);
    if (isLive) live += 1;
    const asks = agent.trouble !== null || agent.activity === "waiting_permission";
    const isBlocked = agent.reported?.status === "blocked";
    if (agent.cleanup.state === "stuck" || (isLive && (asks || isBlocked))) attention += 1;
  }
  return { live, attention };
}

function tableLines(state: TopState, colour: boolean): readonly string[] {
  const all = rowsOf(state);
  const cursor = cursorAt(all, state.chosen);
  const fitting = columnsFor(state.size.columns - CURSOR.length);
  const { column: by, isReversed } = state.sort;
  const heading = fitting.map(({ name, width }) => {
    const { heading: words, align } = COLUMNS[name];
    const mark = name === by ? (isReversed ? "▴" : "▾") : "";
    return fit(`${words}${mark}`, width, mark === "" ? align : "left");
  });
  const lines = [paint(` ${heading.join(" ".repeat(GAP))}`, "quiet", colour)];
  if (all.length === 0) lines.push(fit(noneWords(state), state.size.columns));
  const shown = all.slice(state.from, state.from + tableHeight(state));
  for (const [at, subject] of shown.entries()) {
    lines.push(rowLine(subject, fitting, state.from + at === cursor, state, colour));
  }
  return filled(lines, tableHeight(state) + 1, state.size.columns);
}

function noneWords({ filter, shown }: TopState): string {
  if (filter !== "") return " No agent matches.";
  return shown === "live" ? " No live agents; a shows all." : " No agents.";
}

function rowLine(
  subject: Subject,
  fitting: ReturnType<typeof columnsFor>,
  isChosen: boolean,
  state: TopState,
  colour: boolean,
): string {
  const isStopping = state.stopping.has(subject.agent.agent_id) && !hasEnded(subject.agent);
  const cells = fitting.map(({ name, width }) => {
    const column: Column = COLUMNS[name];
    const text = name === "status" && isStopping ? "stopping" : column.text(subject);
    const tone = isChosen ? null : (column.tone?.(subject) ?? null);
    return paint(fit(plain(text), width, column.align), tone, colour);
  });
  const line = `${isChosen ? CURSOR : " "}${cells.join(" ".repeat(GAP))}`;
  return isChosen && colour ? `\u001b[7m${line}\u001b[27m` : line;
}

function paneLines(state: TopState, colour: boolean): readonly string[] {
  if (state.pane === null) return [];
  const { columns } = state.size;
  const lines = state.pane === "output" ? outputRows(state) : detailLines(state);
  const title = paint(fit(ruled(paneTitle(state), columns), columns), "strong", colour);
  const body = lines.slice(0, outputHeight(state)).map((line) => fit(line, columns));
  return filled([title, ...body], paneHeight(state), columns);
}

function paneTitle(state: TopState): string {
  const rows = rowsOf(state);
  const id = rows[cursorAt(rows, state.chosen)]?.agent.agent_id ?? "no agent";
  if (state.pane === "details") return id;
  const { isEnd, lines } = state.output;
  const at = isEnd ? "ended" : "live";
  const where = state.behind === 0 ? at : `${counted(state.behind, "row")} back, f follows`;
  const focus = state.isPaneFocused ? ", arrows scroll" : "";
  return `${id}: output, ${lines.length === 0 && !isEnd ? "reading" : where}${focus}`;
}

function ruled(title: string, columns: number): string {
  const rest = Math.max(0, columns - title.length - 4);
  return `── ${plain(title)} ${"─".repeat(rest)}`;
}

function pageLines(
  { size: { columns, rows } }: TopState,
  { title, lines, from }: Extract<TopState["mode"], { kind: "page" }>,
  colour: boolean,
): readonly string[] {
  const height = rows - 3;
  return [
    paint(fit(ruled(title, columns), columns), "strong", colour),
    ...lines.slice(from, from + height).map((line) => fit(line, columns)),
  ];
}

const KEYS =
  "? help  q quit  Enter output  d details  / filter  s sort  r turn  a all  x stop  m message";

function lastLine(state: TopState, colour: boolean): string {
  const { columns } = state.size;
  const [words, tone] = lastWords(state);
  return paint(fit(words, columns), tone, colour);
}

function lastWords(state: TopState): readonly [string, Tone | null] {
  const { mode, notice, filter, shown } = state;
  switch (mode.kind) {
    case "filter":
      return [`Filter: ${plain(filter)}▏  Enter keeps it, Escape takes it away`, "strong"];
    case "stop":
      return [
        `Stop ${mode.agentId} and all that it started? y stops it, any other key does not`,
        "bad",
      ];
    case "message": {
      // The end of what is typed is what is looked at.
      const room = Math.max(10, state.size.columns - mode.agentId.length - 16);
      return [`Message to ${mode.agentId}: ${plain(mode.text).slice(-room)}▏`, "strong"];
    }
    case "page":
      return [
        mode.lines.length > state.size.rows - 3
          ? "↑ ↓ scroll, any other key goes back"
          : "Any key goes back",
        "quiet",
      ];
    case "table": {
      if (notice !== null) return [plain(notice.text), notice.tone];
      const kept = filter === "" ? "" : `[${plain(filter)}] `;
      return [`${kept}${shown === "all" ? "[all] " : ""}${KEYS}`, "quiet"];
    }
  }
}
