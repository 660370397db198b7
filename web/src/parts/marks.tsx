/** Small drawn marks: a status is never told by its colour alone. */
import type { AgentStatus, AgentView, Severity } from "../../../src/contract/agent.ts";
import { words } from "./format.ts";

/** Paths in a box of 16 by 16, stroked unless they say otherwise. */
const STATUS_PATHS: Readonly<Record<AgentStatus, string>> = {
  queued: "M8 3.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9",
  starting: "M8 3.5a4.5 4.5 0 0 1 4.5 4.5",
  running: "M5.5 4.2v7.6L11.8 8z",
  stopping: "M5.8 4.5v7M10.2 4.5v7",
  completed: "M3.8 8.4l2.8 2.8 5.6-6.2",
  failed: "M4.4 4.4l7.2 7.2M11.6 4.4l-7.2 7.2",
  killed: "M4.8 4.8h6.4v6.4H4.8z",
  timed_out: "M8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6M8 5.4V8l1.9 1.3",
  lost: "M5.9 6.1c0-3.2 4.4-3 4.4-.3 0 1.7-2.3 1.8-2.3 3.6M8 11.7v.2",
};

/** A status as its mark and its word. */
export function StatusMark({ agent }: { readonly agent: Pick<AgentView, "status" | "cleanup"> }) {
  const isStuck = agent.cleanup.state === "stuck";
  return (
    <span className={`status status-${agent.status}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={STATUS_PATHS[agent.status]} />
      </svg>
      {words(agent.status)}
      {isStuck ? <span className="stuck">stuck</span> : null}
    </span>
  );
}

export function SeverityMark({ severity }: { readonly severity: Severity }) {
  return <span className={`severity severity-${severity}`}>{severity}</span>;
}

export function Brand() {
  return (
    <svg className="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M9 6v20M16 6v20M23 6v20M4.5 12h23M4.5 20h23" />
    </svg>
  );
}

const ICONS = {
  overview: "M3 3h4.5v4.5H3zM8.5 3H13v4.5H8.5zM3 8.5h4.5V13H3zM8.5 8.5H13V13H8.5z",
  cleanup: "M3 4.5h10M5 4.5V13h6V4.5M6.5 4.5V3h3v1.5M7 7v4M9 7v4",
  settings: "M3 5h6M11.5 5H13M3 11h1.5M7 11h6M9 3.4v3.2M5.7 9.4v3.2",
  sun: "M8 5.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2M8 1.6v1.5M8 12.9v1.5M1.6 8h1.5M12.9 8h1.5M3.5 3.5l1 1M11.5 11.5l1 1M12.5 3.5l-1 1M4.5 11.5l-1 1",
  moon: "M12.8 9.6A5.2 5.2 0 0 1 6.4 3.2a5.2 5.2 0 1 0 6.4 6.4z",
  auto: "M8 2.8a5.2 5.2 0 1 1 0 10.4zM8 2.8a5.2 5.2 0 1 0 0 10.4",
  search: "M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8M10 10l3.2 3.2",
  copy: "M5.5 5.5V3H13v7.5h-2.5M3 5.5h7.5V13H3z",
  close: "M4.4 4.4l7.2 7.2M11.6 4.4l-7.2 7.2",
  down: "M8 3v9.4M4.2 8.8L8 12.6l3.8-3.8",
  leave: "M6.5 3H3v10h3.5M6.5 8H13M10.5 5.2L13.2 8l-2.7 2.8",
} as const;

export function Icon({ name }: { readonly name: keyof typeof ICONS }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
