import type { ArchivesAnswer } from "../../../src/contract/archive.ts";
import { get } from "../live/api.ts";
import { agentPath } from "../live/places.ts";
import { bytes, counted, dayAndTime, words } from "./format.ts";
import { useAsked } from "./hooks.ts";
import { Link } from "./link.tsx";
import { Empty, Failure, Loading, Panel } from "./panels.tsx";
import { Rows } from "./rows.tsx";

/** What is kept of agents that have settled, how large it is, and until when. */
export function Archives({ reason }: { readonly reason: unknown }) {
  const { answer, fault, again } = useAsked(
    "archives",
    (signal) => get<ArchivesAnswer>("/api/archives", signal),
    reason,
  );
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  return (
    <Panel
      title="Archives"
      aside={
        <span className="count">
          {counted(answer.total, "archive")}, {bytes(answer.total_bytes)}
        </span>
      }
    >
      {answer.archives.length === 0 ? (
        <Empty title="Nothing is archived yet">
          What an agent printed is kept as one file once it has ended, for as long as{" "}
          <code>retention_ms</code> says.
        </Empty>
      ) : (
        <Rows
          items={answer.archives}
          label="Archives"
          heightVar="--ledger-row"
          keyOf={({ agent_id: id }) => id}
          render={(archive) => (
            <div className="archive-row">
              <span className="ledger-owner">
                <Link to={agentPath(archive.agent_id)}>{archive.agent_id}</Link>
              </span>
              <span>{words(archive.status)}</span>
              <span>
                {bytes(archive.bytes)}, of {bytes(archive.output_bytes)} printed
              </span>
              <span>kept until {dayAndTime(archive.kept_until)}</span>
            </div>
          )}
        />
      )}
    </Panel>
  );
}
