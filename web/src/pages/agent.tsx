/** One agent: what it prints, what it found, what it holds, how it ended; and the button that ends it. */
import { useState } from "react";
import type { AgentView, FindingView, ProgressView } from "../../../src/contract/agent.ts";
import type { ResourceAnswer } from "../../../src/contract/api.ts";
import { get } from "../live/api.ts";
import { agentPath, taskPath } from "../live/places.ts";
import { isLive } from "../live/state.ts";
import { useLive } from "../live/store.ts";
import { type Form, OutputView } from "../output/output-view.tsx";
import { Progress } from "../parts/agent-row.tsx";
import { ago, bytes, counted, dayAndTime, span, timeOfDay, words } from "../parts/format.ts";
import { useAsked, useNow } from "../parts/hooks.ts";
import { HistoryPanel } from "../parts/history-panel.tsx";
import { Link } from "../parts/link.tsx";
import { StatusMark } from "../parts/marks.tsx";
import { Messages, TellDialog } from "../parts/messages.tsx";
import { Empty, Facts, Failure, Loading, Panel } from "../parts/panels.tsx";
import { ProcessTree } from "../parts/process-tree.tsx";
import { ReceiptView } from "../parts/receipt.tsx";
import { StopDialog } from "../parts/stop-dialog.tsx";
import { UsePanel } from "../parts/use-panel.tsx";
import { TerminalView } from "../terminal/terminal-view.tsx";
import { TimelineItem } from "./task.tsx";

const TABS = [
  "output",
  "terminal",
  "raw",
  "errors",
  "reports",
  "messages",
  "use",
  "processes",
  "resources",
] as const;
type Tab = (typeof TABS)[number];
const TAB_WORDS: Readonly<Record<Tab, string>> = {
  output: "Output",
  terminal: "Terminal",
  raw: "Raw stream",
  errors: "stderr",
  reports: "Reports",
  messages: "Messages",
  use: "Use",
  processes: "Processes",
  resources: "Resources",
};
const FORMS: Readonly<Partial<Record<Tab, Form>>> = {
  output: "readable",
  raw: "stdout",
  errors: "stderr",
};

export function AgentPage({ id }: { readonly id: string }) {
  const live = useLive(({ agents }) => agents.get(id));
  const reason = useLive(
    ({ events }) => events.findLast(({ agent_id: agent }) => agent === id)?.seq ?? 0,
  );
  // Agents that are older than what the page holds are asked for by name.
  const asked = useAsked(`agent ${id}`, (signal) =>
    get<AgentView>(`/api/agents/${encodeURIComponent(id)}`, signal),
  );
  const [tab, setTab] = useState<Tab>("output");
  const agent = live ?? asked.answer;
  if (agent === null) {
    return asked.fault === null ? <Loading /> : <Failure fault={asked.fault} again={asked.again} />;
  }
  const form = FORMS[tab];
  return (
    <>
      <AgentHead agent={agent} />
      <div className="tabs" role="tablist" aria-label="Views of the agent">
        {TABS.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            aria-selected={tab === one}
            aria-controls="view"
            tabIndex={tab === one ? 0 : -1}
            onClick={() => setTab(one)}
            onKeyDown={({ key, currentTarget }) => {
              const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
              if (step === 0) return;
              const next = TABS[(TABS.indexOf(one) + step + TABS.length) % TABS.length] ?? one;
              setTab(next);
              currentTarget.parentElement?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
            }}
          >
            {TAB_WORDS[one]}
          </button>
        ))}
      </div>
      <div id="view" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {form === undefined ? null : <OutputView key={tab} agent={agent} form={form} />}
        {tab === "terminal" ? <TerminalView agent={agent} /> : null}
        {tab === "reports" ? <Reports agent={agent} reason={reason} /> : null}
        {tab === "messages" ? <Messages agent={agent} reason={reason} /> : null}
        {tab === "use" ? (
          <div className="main">
            <UsePanel scope="agent" id={id} />
            <HistoryPanel scope="agent" id={id} />
          </div>
        ) : null}
        {tab === "processes" ? <ProcessTree agentId={id} /> : null}
        {tab === "resources" ? (
          <Panel title="What it held, and what became of it">
            <ReceiptView agentId={id} reason={`${reason} ${agent.cleanup.held} ${agent.status}`} />
          </Panel>
        ) : null}
      </div>
    </>
  );
}

function AgentHead({ agent }: { readonly agent: AgentView }) {
  const [asking, setAsking] = useState<"stop" | "message" | "resume" | null>(null);
  const { reported } = agent;
  return (
    <header className="page-head">
      <p className="crumbs">
        <Link to="/">Overview</Link> <span aria-hidden="true">/</span>{" "}
        <Link to={taskPath(agent.task_id)}>{agent.task_id}</Link> <span aria-hidden="true">/</span>{" "}
        agent
      </p>
      <div className="title-line">
        <h1>{agent.agent_id}</h1>
        <StatusMark agent={agent} />
        <div className="title-buttons">
          {isLive(agent) ? (
            <>
              <button type="button" onClick={() => setAsking("message")}>
                Message…
              </button>
              <button type="button" className="danger" onClick={() => setAsking("stop")}>
                Stop…
              </button>
            </>
          ) : agent.harness === "command" || agent.forgotten_at !== null ? null : (
            <button type="button" onClick={() => setAsking("resume")}>
              Resume…
            </button>
          )}
        </div>
      </div>
      {reported === null ? null : (
        <p className="reported">
          <Progress value={reported.progress} />
          <span className="reported-words">
            {words(reported.status)}: {reported.message}
          </span>
        </p>
      )}
      <Trouble agent={agent} />
      <AgentFacts agent={agent} />
      {asking === "stop" ? <StopDialog agent={agent} onClose={() => setAsking(null)} /> : null}
      {asking === "message" || asking === "resume" ? (
        <TellDialog agent={agent} what={asking} onClose={() => setAsking(null)} />
      ) : null}
    </header>
  );
}

/** What keeps it from its model, while it lives. */
function Trouble({ agent }: { readonly agent: AgentView }) {
  const { trouble } = agent;
  if (trouble === null || !isLive(agent)) return null;
  const until = trouble.until === null ? "" : ` until ${dayAndTime(trouble.until)}`;
  return (
    <p className="trouble" role="status">
      <b>{words(trouble.kind)}</b>
      {until}: {trouble.message} ({counted(trouble.attempts, "attempt")}, since{" "}
      {timeOfDay(trouble.since)})
    </p>
  );
}

function AgentFacts({ agent }: { readonly agent: AgentView }) {
  const now = useNow();
  const { usage } = agent;
  const begun = Date.parse(agent.started_at ?? agent.created_at);
  const until = agent.ended_at === null ? now : Date.parse(agent.ended_at);
  return (
    <Facts
      facts={[
        ["Harness", agent.harness],
        ["Activity", agent.activity === null ? null : words(agent.activity)],
        ["Parent", agent.parent === "orchestrator" ? "orchestrator" : agentLink(agent.parent)],
        ["Goes on from", agentLink(agent.resumed_from)],
        ["Goes on as", agentLink(agent.resumed_as)],
        ["Begun", `${dayAndTime(agent.created_at)} (${ago(agent.created_at, now)})`],
        [agent.ended_at === null ? "Runs for" : "Ran for", span(until - begun)],
        ["Ended", endOf(agent)],
        ["Cleanup", `${words(agent.cleanup.state)}${heldWords(agent)}`],
        ["Contained by", agent.containment],
        ["Lives in", agent.tmux_session === null ? "a detached process" : agent.tmux_session],
        ["Tokens", usage === null ? null : tokensOf(usage)],
        ["Token limit", agent.budget.tokens.limit?.toLocaleString("en")],
        ["Cost", usage?.cost_usd == null ? null : `$${usage.cost_usd.toFixed(3)}`],
        ["Cost limit", dollars(agent.budget.cost_usd.limit)],
        ["Turns", usage?.turns ?? null],
        ["Printed", agent.output_bytes === null ? null : bytes(agent.output_bytes)],
        ["Disk", agent.disk_bytes === null ? null : bytes(agent.disk_bytes)],
        ["Forgotten", agent.forgotten_at === null ? null : dayAndTime(agent.forgotten_at)],
      ]}
    />
  );
}

function agentLink(id: string | null) {
  return id === null ? null : <Link to={agentPath(id)}>{id}</Link>;
}

function endOf({ exit_code: code, signal, reason }: AgentView): string {
  const how = signal ?? (code === null ? "" : `exit ${code}`);
  return [how, reason].filter(Boolean).join(", ");
}

function heldWords({ cleanup }: AgentView): string {
  return cleanup.held === 0 ? "" : `, ${counted(cleanup.held, "resource")} held`;
}

function dollars(amount: number | null): string | null {
  return amount === null ? null : `$${amount.toFixed(2)}`;
}

function tokensOf(usage: NonNullable<AgentView["usage"]>): string {
  const { input_tokens: input, output_tokens: output } = usage;
  if (input === null && output === null) return "";
  return `${(input ?? 0).toLocaleString("en")} in, ${(output ?? 0).toLocaleString("en")} out`;
}

type Entry =
  | ({ readonly kind: "progress" } & ProgressView)
  | ({ readonly kind: "finding" } & FindingView);

function Reports({ agent, reason }: { readonly agent: AgentView; readonly reason: number }) {
  const { answer, fault, again } = useAsked(
    `reports ${agent.agent_id}`,
    async (signal) => {
      const uri = encodeURIComponent(`task://${agent.task_id}/progress-timeline`);
      const { text } = await get<ResourceAnswer>(`/api/resource?uri=${uri}`, signal);
      const { entries } = JSON.parse(text) as { readonly entries: readonly Entry[] };
      return entries.filter(({ agent_id: by }) => by === agent.agent_id).toReversed();
    },
    reason,
  );
  if (answer === null)
    return fault === null ? <Loading /> : <Failure fault={fault} again={again} />;
  return (
    <Panel title="Progress and findings" aside={<span className="count">{answer.length}</span>}>
      {answer.length === 0 ? (
        <Empty title="It has reported nothing yet" />
      ) : (
        <ol className="timeline" aria-label="Progress and findings">
          {answer.map((entry) => (
            <TimelineItem key={`${entry.kind} ${entry.seq}`} entry={entry} />
          ))}
        </ol>
      )}
    </Panel>
  );
}
