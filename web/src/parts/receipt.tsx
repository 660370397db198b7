import type { Receipt, ReceiptEntry } from "../../../src/contract/agent.ts";
import { get } from "../live/api.ts";
import { timeOfDay, words } from "./format.ts";
import { useAsked } from "./hooks.ts";
import { Empty, Failure, Loading } from "./panels.tsx";

/** What an agent held, row by row: given back and how that was seen, or why not. */
export function ReceiptView({
  agentId,
  reason,
}: {
  readonly agentId: string;
  readonly reason: unknown;
}) {
  const { answer, fault, again } = useAsked(
    `receipt ${agentId}`,
    (signal) => get<Receipt>(`/api/agents/${encodeURIComponent(agentId)}/receipt`, signal),
    reason,
  );
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  return <ReceiptTable receipt={answer} />;
}

export function ReceiptTable({ receipt }: { readonly receipt: Receipt }) {
  if (receipt.resources.length === 0) return <Empty title="It holds nothing" />;
  return (
    <div className="table-frame">
      <table className="receipt">
        <caption className="visually-hidden">Receipt of {receipt.owner}</caption>
        <thead>
          <tr>
            <th scope="col">Resource</th>
            <th scope="col">State</th>
            <th scope="col">How it was seen</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {receipt.resources.map((entry) => (
            <ReceiptRow key={entry.resource_id} entry={entry} />
          ))}
        </tbody>
      </table>
      {receipt.survivors.length === 0 ? null : (
        <p className="failure" role="alert">
          Still alive: {receipt.survivors.map(({ pid, name }) => `${name} (${pid})`).join(", ")}
        </p>
      )}
    </div>
  );
}

function ReceiptRow({ entry }: { readonly entry: ReceiptEntry }) {
  return (
    <tr>
      <th scope="row" title={entry.locator}>
        {words(entry.kind)}
      </th>
      <td>
        <StateMark state={entry.state} />
      </td>
      <td className="seen">{entry.seen ?? <code>{entry.locator}</code>}</td>
      <td>{entry.at === null ? "" : timeOfDay(entry.at)}</td>
    </tr>
  );
}

export function StateMark({ state }: { readonly state: ReceiptEntry["state"] }) {
  return <span className={`state state-${state}`}>{state}</span>;
}
