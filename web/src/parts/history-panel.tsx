/** What an agent, a task or everything used over its time, as far back as it is kept. */
import { useState } from "react";
import type { HistoryAnswer, SeriesName } from "../../../src/contract/sampling.ts";
import { get } from "../live/api.ts";
import { curveOf } from "../live/chart.ts";
import { bytes, timeOfDay } from "./format.ts";
import { useAsked, useNow } from "./hooks.ts";
import { Empty, Failure, Loading, Panel } from "./panels.tsx";

interface HistoryPanelProps {
  readonly scope: "all" | "task" | "agent";
  /** Of the task or the agent; empty for all. */
  readonly id: string;
}

const SPANS = ["1h", "1d", "7d"] as const;
type Span = (typeof SPANS)[number];
const SPAN_WORDS: Readonly<Record<Span, string>> = { "1h": "Hour", "1d": "Day", "7d": "Week" };
const ASK_EVERY_MS = 10_000;

interface Shown {
  readonly name: SeriesName;
  readonly label: string;
  readonly form: (value: number) => string;
}

const number = (value: number): string => Math.round(value).toLocaleString("en");
const perSecond = (value: number): string => `${bytes(Math.round(value))}/s`;

const CHARTS: readonly Shown[] = [
  { name: "memory_bytes", label: "Memory", form: bytes },
  {
    name: "cpu_ms_per_s",
    label: "Processor",
    form: (ms) => `${(ms / 10).toFixed(ms < 100 ? 1 : 0)} % of a core`,
  },
  { name: "processes", label: "Processes", form: number },
  { name: "fds", label: "Open files", form: number },
  { name: "output_bytes_per_s", label: "Printed", form: perSecond },
  { name: "tokens", label: "Tokens", form: number },
  { name: "cost_microusd", label: "Cost", form: (value) => `$${(value / 1e6).toFixed(3)}` },
  { name: "disk_bytes", label: "Disk", form: bytes },
];

export function HistoryPanel({ scope, id }: HistoryPanelProps) {
  const [span, setSpan] = useState<Span>("1h");
  const tick = useNow(ASK_EVERY_MS);
  const of = scope === "all" ? "" : `&id=${encodeURIComponent(id)}`;
  const { answer, fault, again } = useAsked(
    `history ${scope} ${id} ${span}`,
    (signal) => get<HistoryAnswer>(`/api/history?scope=${scope}${of}&span=${span}`, signal),
    document.hidden ? 0 : tick,
  );
  return (
    <Panel
      title="Over time"
      className="use"
      aside={
        <div className="segments" role="group" aria-label="How far back">
          {SPANS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={span === one}
              onClick={() => setSpan(one)}
            >
              {SPAN_WORDS[one]}
            </button>
          ))}
        </div>
      }
    >
      {fault === null ? null : <Failure fault={fault} again={again} />}
      {answer === null ? fault === null ? <Loading /> : null : <Charts answer={answer} />}
    </Panel>
  );
}

function Charts({ answer }: { readonly answer: HistoryAnswer }) {
  const { times, series, step_s: stepS } = answer;
  const [from, to] = [times[0], times.at(-1)];
  if (from === undefined || to === undefined) {
    return <Empty title="No look is kept yet">Each agent is looked at every few seconds.</Empty>;
  }
  const range = `${clock(from)} to ${clock(to)}`;
  return (
    <>
      <div className="charts">
        {CHARTS.map(({ name, label, form }) => {
          const { lines, most, last } = curveOf(times, series[name], stepS);
          if (last === null) return null;
          const text = `${form(last)}, at most ${form(most)}`;
          return (
            <div className="chart" key={name}>
              <span className="meter-label">{label}</span>
              <strong>{form(last)}</strong>
              <span className="chart-most">at most {form(most)}</span>
              <svg
                viewBox="0 -20 100 120"
                preserveAspectRatio="none"
                role="img"
                aria-label={`${label}, ${range}: ${text}`}
              >
                {lines.map((points) => (
                  <polyline key={points} points={points} vectorEffect="non-scaling-stroke" />
                ))}
              </svg>
            </div>
          );
        })}
      </div>
      <p className="note">{range}</p>
    </>
  );
}

function clock(seconds: number): string {
  return timeOfDay(new Date(seconds * 1_000).toISOString());
}
