/** The processes of an agent as a tree, looked at again and again while somebody watches. */
import type { ProcessesAnswer, ProcessView } from "../../../src/contract/sampling.ts";
import { get } from "../live/api.ts";
import { bytes, counted, span } from "./format.ts";
import { useAsked, useNow } from "./hooks.ts";
import { Empty, Failure, Loading, Panel } from "./panels.tsx";

const ASK_EVERY_MS = 2_000;
/** Deeper ones stand no further in: a narrow screen has to show their names, too. */
const INDENT_MOST = 8;

export function ProcessTree({ agentId }: { readonly agentId: string }) {
  const tick = useNow(ASK_EVERY_MS);
  const { answer, fault, again } = useAsked(
    `processes ${agentId}`,
    (signal) =>
      get<ProcessesAnswer>(`/api/agents/${encodeURIComponent(agentId)}/processes`, signal),
    document.hidden ? 0 : tick,
  );
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  const { processes, left_out: leftOut } = answer;
  const count = processes.length + leftOut;
  return (
    <Panel
      title="Processes"
      aside={<span className="count">{counted(count, "process", "processes")}</span>}
    >
      {fault === null ? null : <Failure fault={fault} again={again} />}
      {processes.length === 0 ? (
        <Empty title="None of its processes lives" />
      ) : (
        <div className="table-frame" tabIndex={0} role="region" aria-label="Processes, as a table">
          <table className="processes">
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">Listens on</th>
                <th scope="col">Memory</th>
                <th scope="col">Processor</th>
                <th scope="col">Files</th>
                <th scope="col">Threads</th>
                <th scope="col">Age</th>
              </tr>
            </thead>
            <tbody>
              {processes.map((process) => (
                <Row key={process.pid} process={process} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {leftOut > 0 ? (
        <p className="note">{counted(leftOut, "process", "processes")} not shown.</p>
      ) : null}
    </Panel>
  );
}

function Row({ process }: { readonly process: ProcessView }) {
  const { age_s: age, argv, cpu_ms_per_s: cpu, depth, fds, listens, name, pid, threads } = process;
  const memory = process.pss_bytes ?? process.memory_bytes;
  return (
    <tr>
      <th scope="row" aria-label={`${name} ${pid}`}>
        <span className={`tree-${Math.min(depth, INDENT_MOST)} process`}>
          <b>{name}</b> <span className="quiet">{pid}</span>
          <code title={argv}>{argv}</code>
        </span>
      </th>
      <td>
        {listens.map(({ protocol, address, port }) => (
          <code key={`${protocol} ${address} ${port}`}>{`${protocol} ${address}:${port}`}</code>
        ))}
      </td>
      <td>{memory === null ? "–" : bytes(memory)}</td>
      <td>{cpu === null ? "–" : `${(cpu / 10).toFixed(1)} %`}</td>
      <td>{fds ?? "–"}</td>
      <td>{threads ?? "–"}</td>
      <td>{span(age * 1_000)}</td>
    </tr>
  );
}
