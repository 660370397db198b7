/** What an agent or a task uses now, against its limits, and how that went while somebody watched. */
import { useState } from "react";
import type { ResourceReportAnswer } from "../../../src/contract/resource-report.ts";
import { tool } from "../live/api.ts";
import { lineThrough, type Sample, withReport } from "../live/samples.ts";
import { bytes, counted, span, words } from "./format.ts";
import { useAsked, useNow } from "./hooks.ts";
import { Facts, Failure, Loading, Meter, Panel } from "./panels.tsx";

interface UsePanelProps {
  readonly scope: "task" | "agent";
  readonly id: string;
}

const EVERY_MS = 2_000;

interface Watched {
  readonly last: ResourceReportAnswer | null;
  readonly samples: readonly Sample[];
}

export function UsePanel({ scope, id }: UsePanelProps) {
  const tick = useNow(EVERY_MS);
  const { answer, fault, again } = useAsked(
    `use ${scope} ${id}`,
    (signal) => tool<ResourceReportAnswer>("get_resource_report", { scope, id }, signal),
    document.hidden ? 0 : tick,
  );
  const [watched, setWatched] = useState<Watched>({ last: null, samples: [] });
  if (answer !== null && answer.at !== watched.last?.at) {
    setWatched(({ last, samples }) => ({
      last: answer,
      samples: withReport(samples, answer, last),
    }));
  }
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  const { use } = answer;
  const { samples } = watched;
  const cores = samples.findLast((sample) => sample.cores !== null)?.cores ?? null;
  return (
    <Panel title="Used now" className="use">
      <div className="charts">
        <Chart
          label="Processes"
          text={`${use.processes}${use.threads === null ? "" : `, ${counted(use.threads, "thread")}`}`}
          values={samples.map(({ processes }) => processes)}
        />
        <Chart
          label="Memory"
          text={use.memory_bytes === null ? "not told" : bytes(use.memory_bytes)}
          values={samples.map(({ memoryBytes }) => memoryBytes)}
        />
        <Chart
          label="Processor"
          text={cores === null ? "" : `${(cores * 100).toFixed(cores < 0.1 ? 1 : 0)} % of a core`}
          values={samples.map((sample) => sample.cores)}
        />
        <Chart
          label="Open files"
          text={use.fds === null ? "not told" : String(use.fds)}
          values={samples.map(({ fds }) => fds)}
        />
      </div>
      <Limits limits={answer.limits.filter(({ name }) => scope === "agent" || name !== "total")} />
      <Facts
        facts={[
          ["Processor time", use.cpu_ms === null ? null : span(use.cpu_ms)],
          ...answer.disk.map(
            ({ what, bytes: size, complete }) =>
              [`Disk: ${words(what)}`, `${complete ? "" : "at least "}${bytes(size)}`] as const,
          ),
          ["Not looked at", answer.unknown.join("; ")],
        ]}
      />
      {answer.alerts.map((alert) => (
        <p key={alert} className="failure" role="alert">
          {alert}
        </p>
      ))}
    </Panel>
  );
}

function Limits({ limits }: { readonly limits: ResourceReportAnswer["limits"] }) {
  if (limits.length === 0) return null;
  const shown = (value: number, unit: string): string =>
    unit === "bytes" ? bytes(value) : unit === "s" ? span(value * 1_000) : String(value);
  return (
    <div className="meters">
      {limits.map(({ name, used, limit, unit, by }) => (
        <Meter
          key={name}
          label={`${words(name)}, held by ${by}`}
          share={limit === 0 ? 0 : used / limit}
          text={`${shown(used, unit)} of ${shown(limit, unit)}`}
        />
      ))}
    </div>
  );
}

interface ChartProps {
  readonly label: string;
  readonly text: string;
  readonly values: readonly (number | null)[];
}

/** A line from when the page began to look, to now. */
function Chart({ label, text, values }: ChartProps) {
  const line = lineThrough(values);
  return (
    <div className="chart">
      <span className="meter-label">{label}</span>
      <strong>{text || "…"}</strong>
      <svg viewBox="0 -20 100 120" preserveAspectRatio="none" aria-hidden="true">
        {line === "" ? null : (
          <>
            <polygon points={`0,100 ${line} 100,100`} />
            <polyline points={line} vectorEffect="non-scaling-stroke" />
          </>
        )}
      </svg>
    </div>
  );
}
