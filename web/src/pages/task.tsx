/** One task: its agents as a tree, what they reported, what it asks for, what it has used. */
import { useMemo } from "react";
import type { FindingView, ProgressView } from "../../../src/contract/agent.ts";
import type { ResourceAnswer } from "../../../src/contract/api.ts";
import type { TaskStatusAnswer } from "../../../src/contract/tools.ts";
import { asTree, type Branch } from "../live/agents.ts";
import { get, tool } from "../live/api.ts";
import { agentPath } from "../live/places.ts";
import { useLive } from "../live/store.ts";
import { AgentRow } from "../parts/agent-row.tsx";
import { bytes, counted, dayAndTime, timeOfDay } from "../parts/format.ts";
import { useAsked, useNow } from "../parts/hooks.ts";
import { HistoryPanel } from "../parts/history-panel.tsx";
import { Link } from "../parts/link.tsx";
import { SeverityMark } from "../parts/marks.tsx";
import { Empty, Facts, Failure, Loading, Meter, Panel } from "../parts/panels.tsx";
import { Rows } from "../parts/rows.tsx";
import { UsePanel } from "../parts/use-panel.tsx";

type Entry =
  | ({ readonly kind: "progress" } & ProgressView)
  | ({ readonly kind: "finding" } & FindingView);

const ENTRIES_SHOWN = 300;

export function TaskPage({ id }: { readonly id: string }) {
  const reason = useLive(
    ({ events }) => events.findLast(({ task_id: task }) => task === id)?.seq ?? 0,
  );
  const status = useAsked(
    `status ${id}`,
    (signal) => tool<TaskStatusAnswer>("get_real_task_status", { task_id: id }, signal),
    reason,
  );
  const timeline = useAsked(
    `timeline ${id}`,
    async (signal) => {
      const uri = encodeURIComponent(`task://${id}/progress-timeline`);
      const { text } = await get<ResourceAnswer>(`/api/resource?uri=${uri}`, signal);
      return (JSON.parse(text) as { readonly entries: readonly Entry[] }).entries;
    },
    reason,
  );
  if (status.answer === null) {
    return status.fault === null ? (
      <Loading />
    ) : (
      <Failure fault={status.fault} again={status.again} />
    );
  }
  const { answer } = status;
  return (
    <>
      {status.fault === null ? null : <Failure fault={status.fault} again={status.again} />}
      <TaskHead answer={answer} />
      <div className="columns">
        <div className="main">
          <Tree answer={answer} />
          <Timeline entries={timeline.answer} />
        </div>
        <div className="side">
          <Used answer={answer} />
          <UsePanel scope="task" id={id} />
          <HistoryPanel scope="task" id={id} />
          <Asked title="Deliverables" items={answer.task.expected_deliverables} />
          <Asked title="Success criteria" items={answer.task.success_criteria} />
          <Asked title="Constraints" items={answer.task.constraints} />
          <Asked title="Relevant files" items={answer.task.relevant_files} isCode />
          <Background text={answer.task.background_context} />
        </div>
      </div>
    </>
  );
}

function TaskHead({ answer: { task, counts } }: { readonly answer: TaskStatusAnswer }) {
  return (
    <header className="page-head">
      <p className="crumbs">
        <Link to="/">Overview</Link> <span aria-hidden="true">/</span> task
      </p>
      <h1>{task.description}</h1>
      <Facts
        facts={[
          ["Task", <code key="id">{task.task_id}</code>],
          [
            "Priority",
            <span key="p" className={`priority priority-${task.priority}`}>
              {task.priority}
            </span>,
          ],
          ["Begun", dayAndTime(task.created_at)],
          [
            "Agents",
            `${counts.running} live, ${counts.completed} completed, ${counts.failed} otherwise`,
          ],
          ["Project", task.client_cwd === null ? null : <code key="cwd">{task.client_cwd}</code>],
        ]}
      />
    </header>
  );
}

/** The page's own agents are newer than the answer, where both know one. */
function Tree({ answer }: { readonly answer: TaskStatusAnswer }) {
  const live = useLive((state) => state.agents);
  const now = useNow();
  const branches = useMemo(
    () => asTree(answer.agents.map((agent) => live.get(agent.agent_id) ?? agent)),
    [answer, live],
  );
  return (
    <Panel title="Agents" aside={<span className="count">{branches.length}</span>}>
      {branches.length === 0 ? (
        <Empty title="No agents on this task yet">
          Deploy one with <code>deploy_headless_agent</code> or{" "}
          <code>corral deploy --task {answer.task.task_id}</code>.
        </Empty>
      ) : (
        <Rows
          items={branches}
          label="Agents of this task"
          heightVar="--agent-row"
          keyOf={({ agent }) => agent.agent_id}
          render={(branch) => <TreeRow branch={branch} now={now} />}
        />
      )}
    </Panel>
  );
}

const DEEPEST_SHOWN = 6;

function TreeRow({ branch, now }: { readonly branch: Branch; readonly now: number }) {
  const level = Math.min(branch.level, DEEPEST_SHOWN);
  return (
    <div className={`tree-row tree-${level}`}>
      <AgentRow agent={branch.agent} now={now} />
    </div>
  );
}

function Timeline({ entries }: { readonly entries: readonly Entry[] | null }) {
  if (entries === null) return <Loading />;
  const shown = entries.slice(-ENTRIES_SHOWN).toReversed();
  return (
    <Panel
      title="Progress and findings"
      aside={<span className="count">{counted(entries.length, "entry", "entries")}</span>}
    >
      {shown.length === 0 ? (
        <Empty title="Nothing reported yet">Agents report with update_agent_progress.</Empty>
      ) : (
        <ol className="timeline" aria-label="Progress and findings">
          {shown.map((entry) => (
            <TimelineItem key={`${entry.kind} ${entry.seq}`} entry={entry} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

export function TimelineItem({ entry }: { readonly entry: Entry }) {
  return (
    <li className={`entry entry-${entry.kind}`}>
      <time dateTime={entry.at} title={dayAndTime(entry.at)}>
        {timeOfDay(entry.at)}
      </time>
      <div>
        <p className="entry-head">
          {entry.kind === "finding" ? (
            <>
              <SeverityMark severity={entry.severity} /> {entry.finding_type}
            </>
          ) : (
            <>
              <b>{entry.progress} %</b> {entry.status}
            </>
          )}{" "}
          <Link to={agentPath(entry.agent_id)}>{entry.agent_id}</Link>
        </p>
        <p className="entry-words">{entry.message}</p>
        {entry.kind === "finding" && entry.data !== null ? (
          <details>
            <summary>Details</summary>
            <pre>{JSON.stringify(entry.data, null, 2)}</pre>
          </details>
        ) : null}
      </div>
    </li>
  );
}

function Used({ answer: { limits, resources, task } }: { readonly answer: TaskStatusAnswer }) {
  const meter = (
    label: string,
    { used, limit }: { readonly used: number; readonly limit: number },
  ) => <Meter label={label} share={used / limit} text={`${used} of ${limit}`} />;
  return (
    <Panel title="Limits and resources">
      <div className="meters">
        {meter("Running at once", limits.running)}
        {meter("Agents in all", limits.total)}
        {meter("Generations", limits.depth)}
        {limits.disk.limit === null ? null : (
          <Meter
            label="Disk"
            share={limits.disk.used / limits.disk.limit}
            text={`${bytes(limits.disk.used)} of ${bytes(limits.disk.limit)}`}
          />
        )}
        {limits.tokens.limit === null ? null : (
          <Meter
            label="Tokens"
            share={limits.tokens.used / limits.tokens.limit}
            text={`${grouped(limits.tokens.used)} of ${grouped(limits.tokens.limit)}`}
          />
        )}
        {limits.cost_usd.limit === null ? null : (
          <Meter
            label="Cost"
            share={limits.cost_usd.used / limits.cost_usd.limit}
            text={`$${limits.cost_usd.used.toFixed(2)} of $${limits.cost_usd.limit.toFixed(2)}`}
          />
        )}
      </div>
      <Facts
        facts={[
          ["Held", counted(resources.held, "resource")],
          ["Stuck", resources.stuck === 0 ? "none" : counted(resources.stuck, "resource")],
          ["Disk", bytes(limits.disk.used)],
          ["Tokens", limits.tokens.used === 0 ? null : grouped(limits.tokens.used)],
          ["Cost", costOf(limits.cost_usd)],
          ["Workspace", <code key="w">{task.workspace}</code>],
        ]}
      />
    </Panel>
  );
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function costOf({ used, untold }: TaskStatusAnswer["limits"]["cost_usd"]): string | null {
  if (used === 0 && untold === 0) return null;
  const missing = untold === 0 ? "" : `, and what ${counted(untold, "agent")} did not tell`;
  return `$${used.toFixed(3)}${missing}`;
}

interface AskedProps {
  readonly title: string;
  readonly items: readonly string[];
  readonly isCode?: boolean;
}

function Asked({ title, items, isCode }: AskedProps) {
  if (items.length === 0) return null;
  return (
    <Panel title={title}>
      <ul className="asked">
        {items.map((item) => (
          <li key={item}>{isCode === true ? <code>{item}</code> : item}</li>
        ))}
      </ul>
    </Panel>
  );
}

function Background({ text }: { readonly text: string | null }) {
  if (text === null || text === "") return null;
  return (
    <Panel title="Background">
      <p className="prose">{text}</p>
    </Panel>
  );
}
