import { type FormEvent, useState } from "react";
import type { AgentView } from "../../../src/contract/agent.ts";
import type { KillAnswer } from "../../../src/contract/tools.ts";
import { tool } from "../live/api.ts";
import { ApiFault } from "../live/fault.ts";
import { words } from "./format.ts";
import { Dialog, Failure } from "./panels.tsx";
import { ReceiptTable } from "./receipt.tsx";

interface StopDialogProps {
  readonly agent: AgentView;
  readonly onClose: () => void;
}

/** Asks, stops the agent and everything it started, and shows the receipt. */
export function StopDialog({ agent, onClose }: StopDialogProps) {
  const [reason, setReason] = useState("Stopped from the dashboard");
  const [graceS, setGraceS] = useState(10);
  const [isBusy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<KillAnswer | null>(null);
  const [fault, setFault] = useState<ApiFault | null>(null);

  const stop = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      const { agent_id, task_id } = agent;
      const input = { agent_id, task_id, reason, grace_s: graceS };
      setAnswer(await tool<KillAnswer>("kill_real_agent", input));
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      setFault(error);
    } finally {
      setBusy(false);
    }
  };

  if (answer !== null) {
    const { state } = answer.receipt.cleanup;
    return (
      <Dialog
        title={state === "clean" ? "Stopped, and all given back" : `Stopped: ${state}`}
        onClose={onClose}
      >
        <p>
          <code>{agent.agent_id}</code> is {words(answer.status)}.
        </p>
        <ReceiptTable receipt={answer.receipt} />
        <footer>
          <button type="button" onClick={onClose}>
            Close
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Stop ${agent.agent_id}?`} onClose={onClose}>
      <form onSubmit={(event) => void stop(event)}>
        <p>
          It and everything that it started is interrupted, then ended. What it has written stays;
          what it was about to do is lost.
        </p>
        <label className="field">
          <span>Reason</span>
          <input
            type="text"
            value={reason}
            maxLength={500}
            required
            onChange={({ target }) => setReason(target.value)}
          />
        </label>
        <label className="field">
          <span>Seconds to leave by itself</span>
          <input
            type="number"
            min={0}
            max={600}
            value={graceS}
            onChange={({ target }) => setGraceS(Number(target.value))}
          />
        </label>
        {fault === null ? null : <Failure fault={fault} />}
        <footer>
          <button type="button" onClick={onClose}>
            Keep it running
          </button>
          <button type="submit" className="danger" disabled={isBusy}>
            {isBusy ? "Stopping…" : "Stop the agent"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
