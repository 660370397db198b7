/** An agent's terminal: what it prints as a terminal shows it, or its pane in tmux. Looks, and never types. */
import { useEffect, useRef, useState } from "react";
import type { AgentView } from "../../../src/contract/agent.ts";
import { ApiFault } from "../live/fault.ts";
import { signedOut } from "../live/follow.ts";
import { pause } from "../live/paced.ts";
import { isLive } from "../live/state.ts";
import { raw, readable } from "../output/reader.ts";
import { current } from "../live/store.ts";
import { Failure, Loading } from "../parts/panels.tsx";
import type { Emulator } from "./emulator.ts";
import { filterOfStream } from "./harmless.ts";
import { screenText } from "./screen-text.ts";
import { screensOf } from "./screen-of.ts";

type Source = "output" | "pane";
const SOURCE_WORDS: Readonly<Record<Source, string>> = {
  output: "What it prints",
  pane: "Its pane",
};
/** Of a terminal that shows a stream: programs that write to a file know no other. */
const SIZE = { columns: 120, rows: 32 };
const RETRY_MS = 1_000;

export function TerminalView({ agent }: { readonly agent: AgentView }) {
  const hasPane = agent.tmux_session !== null;
  const [source, setSource] = useState<Source>("output");
  const shown = hasPane ? source : "output";
  return (
    <div className="output">
      <div className="bar">
        {hasPane ? (
          <div className="segments" role="group" aria-label="What the terminal shows">
            {(["output", "pane"] as const).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={shown === one}
                onClick={() => setSource(one)}
              >
                {SOURCE_WORDS[one]}
              </button>
            ))}
          </div>
        ) : null}
        <span className="note">Looks only: nothing can be typed here.</span>
      </div>
      <Screen key={`${agent.agent_id} ${shown}`} agent={agent} source={shown} />
    </div>
  );
}

interface Shown {
  readonly state: "loading" | "live" | "ended";
  readonly fault: ApiFault | null;
}

function Screen({ agent, source }: { readonly agent: AgentView; readonly source: Source }) {
  const place = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Shown>({ state: "loading", fault: null });
  const first = useRef(agent);
  useEffect(() => {
    const stop = new AbortController();
    let emulator: Emulator | null = null;
    const show = async (): Promise<void> => {
      const { openEmulator } = await import("./emulator.ts");
      if (stop.signal.aborted || place.current === null) return;
      emulator = openEmulator(place.current, SIZE);
      await fill(emulator, first.current, source, stop.signal, setShown);
    };
    void show();
    return () => {
      stop.abort();
      emulator?.dispose();
    };
  }, [source]);
  return (
    <>
      {shown.fault === null ? null : <Failure fault={shown.fault} />}
      {shown.state === "loading" && shown.fault === null ? <Loading /> : null}
      <div className="terminal-frame" tabIndex={0} role="region" aria-label="Terminal">
        <div className="terminal" ref={place} />
      </div>
      <p className="note" role="status">
        {shown.state === "ended"
          ? source === "pane"
            ? "It has no pane any more."
            : "It has ended."
          : shown.state}
      </p>
    </>
  );
}

/** Fills it until the agent, or the viewer, is gone; over a daemon that is away for a while. */
async function fill(
  emulator: Emulator,
  agent: AgentView,
  source: Source,
  signal: AbortSignal,
  tell: (shown: Shown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (source === "pane") await showPane(emulator, agent, signal, tell);
      else await showOutput(emulator, agent, signal, tell);
      if (!signal.aborted) tell({ state: "ended", fault: null });
      return;
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiFault)) return;
      if (error.isSignedOut) return signedOut();
      tell({ state: "live", fault: error });
    }
    await pause(RETRY_MS);
  }
}

async function showPane(
  emulator: Emulator,
  { agent_id: id }: AgentView,
  signal: AbortSignal,
  tell: (shown: Shown) => void,
): Promise<void> {
  for await (const screen of screensOf(id, signal)) {
    tell({ state: "live", fault: null });
    emulator.resize(screen.columns, screen.rows);
    emulator.write(screenText(screen));
  }
}

/** A program's bytes as they are; what an agent CLI prints is events, which are shown as they read. */
async function showOutput(
  emulator: Emulator,
  agent: AgentView,
  signal: AbortSignal,
  tell: (shown: Shown) => void,
): Promise<void> {
  const { agent_id: agentId, task_id: taskId } = agent;
  const isEnded = (): boolean => !isLive(current().agents.get(agentId) ?? agent);
  const isProgram = agent.harness === "command";
  const from = { agentId, taskId };
  const pieces = isProgram ? raw(from, "stdout", signal) : readable(from, null, isEnded, signal);
  const { push } = filterOfStream();
  for await (const { text, isFirst } of pieces) {
    if (signal.aborted) return;
    tell({ state: "live", fault: null });
    // It begins anew: after a time without a daemon, what was shown comes again.
    const wipe = isFirst ? "\u001b[0m\u001b[2J\u001b[3J\u001b[H" : "";
    emulator.write(`${wipe}${push(text)}${isProgram || text === "" ? "" : "\n"}`);
  }
}
