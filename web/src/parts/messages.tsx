/** Messages to an agent: what became of each, a new one, and going on with an agent that has ended. */
import { type FormEvent, useState } from "react";
import type { AgentView } from "../../../src/contract/agent.ts";
import type { MessagesAnswer, MessageView, SendAnswer } from "../../../src/contract/messages.ts";
import type { ResumeAnswer } from "../../../src/contract/tools.ts";
import { get, post } from "../live/api.ts";
import { ApiFault } from "../live/fault.ts";
import { agentPath } from "../live/places.ts";
import { goTo } from "../live/route.ts";
import { dayAndTime, timeOfDay, words } from "./format.ts";
import { useAsked } from "./hooks.ts";
import { Dialog, Empty, Failure, Loading, Panel } from "./panels.tsx";

const TEXT_MOST = 8_000;

function pathOf({ agent_id: id }: AgentView, rest: string): string {
  return `/api/agents/${encodeURIComponent(id)}/${rest}`;
}

/** @param reason  Another one asks anew. */
export function Messages({
  agent,
  reason,
}: {
  readonly agent: AgentView;
  readonly reason: number;
}) {
  const { answer, fault, again } = useAsked(
    `messages ${agent.agent_id}`,
    (signal) => get<MessagesAnswer>(pathOf(agent, "messages"), signal),
    reason,
  );
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  const messages = answer.messages.toReversed();
  return (
    <Panel title="Messages to it" aside={<span className="count">{messages.length}</span>}>
      {messages.length === 0 ? (
        <Empty title="Nobody has told it anything">
          A message reaches it by its CLI’s input, with its next report, or when it is resumed.
        </Empty>
      ) : (
        <ol className="timeline" aria-label="Messages">
          {messages.map((message) => (
            <Message key={message.message_id} message={message} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function Message({ message }: { readonly message: MessageView }) {
  const { from, reason, sent_at: at, state, text, waits_for: waits } = message;
  const next = reason ?? (waits === null ? null : `waits for ${waits}`);
  return (
    <li className="entry">
      <time dateTime={at} title={dayAndTime(at)}>
        {timeOfDay(at)}
      </time>
      <div>
        <p className="entry-head">
          <b>{words(state)}</b> from {from}
          {next === null ? "" : `: ${next}`}
        </p>
        <p className="entry-words">{text}</p>
      </div>
    </li>
  );
}

interface TellDialogProps {
  readonly agent: AgentView;
  /** A message to an agent that lives, or a resume of one that has ended. */
  readonly what: "message" | "resume";
  readonly onClose: () => void;
}

/** Asks for the words, and does it once however often it is pressed. */
export function TellDialog({ agent, what, onClose }: TellDialogProps) {
  const [text, setText] = useState("");
  const [key] = useState(() => crypto.randomUUID());
  const [isBusy, setBusy] = useState(false);
  const [sent, setSent] = useState<SendAnswer | null>(null);
  const [fault, setFault] = useState<ApiFault | null>(null);
  const isResume = what === "resume";

  const tell = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      if (isResume) {
        const message = text.trim() === "" ? {} : { message: text };
        const input = { ...message, idempotency_key: key };
        const { agent_id: next } = await post<ResumeAnswer>(pathOf(agent, "resume"), input);
        onClose();
        goTo(agentPath(next));
        return;
      }
      setSent(await post<SendAnswer>(pathOf(agent, "messages"), { text, idempotency_key: key }));
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      setFault(error);
    } finally {
      setBusy(false);
    }
  };

  if (sent !== null) {
    const { state, waits_for: waits } = sent.message;
    return (
      <Dialog title={`The message is ${words(state)}`} onClose={onClose}>
        <p>{waits === null ? "Nothing more is needed." : `It waits for ${waits}.`}</p>
        {sent.warnings.map((warning) => (
          <p key={warning}>{warning}</p>
        ))}
        <footer>
          <button type="button" onClick={onClose}>
            Close
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={isResume ? `Resume ${agent.agent_id}?` : `A message to ${agent.agent_id}`}
      onClose={onClose}
    >
      <form onSubmit={(event) => void tell(event)}>
        <p>
          {isResume
            ? "A new agent goes on with its conversation, in its folder and with its limits. It uses tokens again."
            : "It gets it at once where its CLI takes messages while it works, else with the answer to its next report, and takes it as words of the orchestrator."}
        </p>
        <label className="field">
          <span>{isResume ? "What it is to do (empty: go on where it left off)" : "Message"}</span>
          <textarea
            rows={5}
            value={text}
            maxLength={TEXT_MOST}
            required={!isResume}
            onChange={({ target }) => setText(target.value)}
          />
        </label>
        {fault === null ? null : <Failure fault={fault} />}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={isBusy}>
            {isBusy ? "A moment…" : isResume ? "Resume it" : "Send it"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
