/** An agent's output to read, to follow and to search. */
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { AgentView } from "../../../src/contract/agent.ts";
import { isLive } from "../live/state.ts";
import { current } from "../live/store.ts";
import { counted } from "../parts/format.ts";
import { useAsked } from "../parts/hooks.ts";
import { Icon } from "../parts/marks.tsx";
import { Empty, Failure, Loading } from "../parts/panels.tsx";
import { spansOf } from "./ansi.ts";
import { matching, raw, readable } from "./reader.ts";
import type { Block, Lines } from "./lines.ts";
import { useLines } from "./use-lines.ts";

export type Form = "readable" | "stdout" | "stderr";

interface OutputViewProps {
  readonly agent: AgentView;
  readonly form: Form;
}

export function OutputView({ agent, form }: OutputViewProps) {
  const [start, setStart] = useState<number | null>(null);
  const [filter, setFilter] = useState("");
  const { agent_id: agentId, task_id: taskId } = agent;
  const source = { agentId, taskId };
  const isEnded = (): boolean => {
    const known = current().agents.get(agentId);
    return known === undefined ? !isLive(agent) : !isLive(known);
  };
  const lines = useLines(
    `${agentId} ${form} ${start ?? "tail"}`,
    (signal) =>
      form === "readable" ? readable(source, start, isEnded, signal) : raw(source, form, signal),
    form !== "readable",
  );
  return (
    <div className="output">
      <div className="bar">
        {form === "readable" ? <FilterField filter={filter} onFilter={setFilter} /> : null}
        <span className="output-state" role="status">
          {stateOf(lines)}
        </span>
        {form === "readable" ? (
          <button type="button" onClick={() => setStart(start === null ? 0 : null)}>
            {start === null ? "From the beginning" : "To the end"}
          </button>
        ) : null}
        {lines.more === null ? null : (
          <button type="button" onClick={() => setStart(lines.more)}>
            Read on
          </button>
        )}
      </div>
      {filter === "" || form !== "readable" ? (
        <Screen key={start} lines={lines} startsAtEnd={start === null} />
      ) : (
        <Found agent={agent} filter={filter} />
      )}
    </div>
  );
}

function FilterField({
  filter,
  onFilter,
}: {
  readonly filter: string;
  readonly onFilter: (filter: string) => void;
}) {
  const [text, setText] = useState(filter);
  useEffect(() => {
    const timer = setTimeout(() => onFilter(text), 200);
    return () => clearTimeout(timer);
  }, [text, onFilter]);
  return (
    <label className="search">
      <Icon name="search" />
      <input
        type="search"
        value={text}
        placeholder="Search the whole output, as a regular expression"
        aria-label="Search the output"
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}

function stateOf({ isEnd, isLoading, more }: Lines): string {
  if (isLoading) return "reading";
  if (more !== null) return "there is more";
  return isEnd ? "ended" : "live";
}

interface ScreenProps {
  readonly lines: Lines;
  /** False for whoever pages through it from its beginning. */
  readonly startsAtEnd: boolean;
}

/** Follows the end for as long as the reader is there; scrolling up stops that, the button goes on. */
function Screen({ lines, startsAtEnd }: ScreenProps) {
  const screen = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(startsAtEnd);
  useLayoutEffect(() => {
    if (follows && screen.current !== null) screen.current.scrollTop = screen.current.scrollHeight;
  }, [lines.blocks, follows]);
  const onScroll = (): void => {
    const element = screen.current;
    if (element === null) return;
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < 24);
  };
  if (lines.isLoading) return <Loading />;
  return (
    <>
      {lines.fault === null ? null : <Failure fault={lines.fault} />}
      {lines.blocks.length === 0 && lines.fault === null ? (
        <Empty title={lines.isEnd ? "It printed nothing" : "Nothing printed yet"} />
      ) : (
        <div className="screen-frame">
          <div
            className="screen"
            ref={screen}
            onScroll={onScroll}
            tabIndex={0}
            role="log"
            aria-label="Output"
            aria-live="off"
          >
            {lines.dropped > 0 ? (
              <p className="note">{counted(lines.dropped, "earlier line")} not shown.</p>
            ) : null}
            {lines.blocks.map((block) => (
              <BlockOfLines key={block.first} block={block} />
            ))}
          </div>
          {follows ? null : (
            <button type="button" className="follow" onClick={() => setFollows(true)}>
              <Icon name="down" /> Follow
            </button>
          )}
        </div>
      )}
    </>
  );
}

const BlockOfLines = memo(function BlockOfLines({ block }: { readonly block: Block }) {
  return (
    <div className="block">
      {block.lines.map((line, index) => (
        <Line key={block.first + index} line={line} />
      ))}
    </div>
  );
});

const LABEL = /^\[([a-z_: ]+)\]( |$)/i;

/** A line of a rendered event begins with what kind it is, in brackets. */
function Line({ line }: { readonly line: string }) {
  const label = LABEL.exec(line)?.[1];
  const tone = label === undefined ? "" : `line-${label.split(/[ :]/)[0]?.toLowerCase()}`;
  return (
    <div className={`line ${tone}`}>
      {spansOf(line).map(({ text, look }, index) => (
        <span key={index} className={look === "" ? undefined : look}>
          {text}
        </span>
      ))}
    </div>
  );
}

function Found({ agent, filter }: { readonly agent: AgentView; readonly filter: string }) {
  const { agent_id: agentId, task_id: taskId } = agent;
  const { answer, fault } = useAsked(`${agentId} ${filter}`, (signal) =>
    matching({ agentId, taskId }, filter, signal),
  );
  if (fault !== null) return <Failure fault={fault} />;
  if (answer === null) return <Loading />;
  if (answer.length === 0) return <Empty title="No line matches" />;
  return (
    <div className="screen-frame">
      <p className="note">{counted(answer.length, "line")}, newest last</p>
      <div className="screen" tabIndex={0} role="log" aria-label="Matching lines" aria-live="off">
        <BlockOfLines block={{ first: 0, lines: answer }} />
      </div>
    </div>
  );
}
