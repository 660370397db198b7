import type { AgentView } from "../../../src/contract/agent.ts";
import { needsAttention } from "../live/agents.ts";
import { isLive } from "../live/state.ts";
import { agentPath } from "../live/places.ts";
import { ago, span, words } from "./format.ts";
import { Link } from "./link.tsx";
import { StatusMark } from "./marks.tsx";

/** One agent in a list: what it is, how it is, its last words, how long. */
export function AgentRow({ agent, now }: { readonly agent: AgentView; readonly now: number }) {
  const { agent_id: id, agent_type: type, reported } = agent;
  const progress = isLive(agent) ? (reported?.progress ?? null) : null;
  return (
    <Link to={agentPath(id)} className="agent-row">
      <StatusMark agent={agent} />
      <span className="agent-name">
        <b>{type}</b>
        <code>{tail(id, type)}</code>
      </span>
      <span className={wordsClass(agent, progress === null)}>{lastWords(agent)}</span>
      {progress === null ? null : <Progress value={progress} />}
      <span className="agent-held">
        {agent.cleanup.held === 0 ? "" : `${agent.cleanup.held} held`}
      </span>
      <span className="agent-time">{timeOf(agent, now)}</span>
    </Link>
  );
}

function wordsClass(agent: AgentView, isWide: boolean): string {
  const classes = ["agent-words", needsAttention(agent) && "words-bad", isWide && "words-wide"];
  return classes.filter(Boolean).join(" ");
}

/** The id without the type in front of it. */
function tail(id: string, type: string): string {
  return id.startsWith(`${type}-`) ? id.slice(type.length + 1) : id;
}

/** What there is to say of an agent: its activity and its own word; once it has ended, why. */
export function lastWords(agent: AgentView): string {
  const { reported, reason, status, activity } = agent;
  const own = reported?.message ?? "";
  const before = isLive(agent)
    ? [
        agent.trouble === null ? "" : words(agent.trouble.kind),
        activity === null || activity === "working" ? "" : words(activity),
        reported?.status === "blocked" ? "blocked" : "",
      ]
    : [reason === words(status) ? "" : reason];
  return [...before, own].filter(Boolean).join(" · ");
}

function timeOf(agent: AgentView, now: number): string {
  if (isLive(agent)) return span(now - Date.parse(agent.started_at ?? agent.created_at));
  return ago(agent.ended_at ?? agent.created_at, now);
}

/** The agent's own estimate. @param value  0 to 100. */
export function Progress({ value }: { readonly value: number }) {
  return (
    <span className="progress">
      <span className="progress-track">
        <span className="progress-fill" style={{ width: `${value}%` }} />
      </span>
      <span className="progress-text">{value} %</span>
    </span>
  );
}
