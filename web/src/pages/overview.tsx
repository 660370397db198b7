/** What is running, is it stuck, what does it hold, what is about to break. */
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { AgentView } from "../../../src/contract/agent.ts";
import type { HealthAnswer, Machine } from "../../../src/contract/api.ts";
import { chosen, inOrder, type Shown, SHOWN, tally } from "../live/agents.ts";
import { agentPath, taskPath } from "../live/places.ts";
import type { Task } from "../live/state.ts";
import { useLive } from "../live/store.ts";
import { AgentRow } from "../parts/agent-row.tsx";
import { AlertsPanel } from "../parts/alerts-panel.tsx";
import { EventList } from "../parts/event-list.tsx";
import { bytes, counted } from "../parts/format.ts";
import { useNow } from "../parts/hooks.ts";
import { Link } from "../parts/link.tsx";
import { Icon } from "../parts/marks.tsx";
import { Empty, Loading, Meter, Panel } from "../parts/panels.tsx";
import { Rows } from "../parts/rows.tsx";

const EVENTS_SHOWN = 40;
const TASKS_SHOWN = 8;

export function OverviewPage() {
  const isThere = useLive(({ seq }) => seq >= 0);
  if (!isThere) return <Loading />;
  return (
    <>
      <Figures />
      <AlertsPanel />
      <div className="columns">
        <Agents />
        <div className="side">
          <Tasks />
          <Latest />
        </div>
      </div>
    </>
  );
}

function Figures() {
  const agents = useLive((state) => state.agents);
  const health = useLive((state) => state.health);
  const machine = useLive((state) => state.machine);
  const counts = useMemo(() => tally(agents.values()), [agents]);
  return (
    <section className="figures" aria-label="Figures">
      <Figure value={counts.live} label={counts.live === 1 ? "agent live" : "agents live"} isMain />
      <Figure value={counts.waiting} label="waiting" />
      <Figure value={counts.attention} label="need attention" isBad={counts.attention > 0} />
      <Figure value={counts.failed} label="ended badly" />
      <Figure value={health?.resources_held ?? counts.held} label="resources held" />
      {machine === null ? null : <Gauges machine={machine} disk={health?.disk ?? null} />}
    </section>
  );
}

interface FigureProps {
  readonly value: number;
  readonly label: string;
  readonly isMain?: boolean;
  readonly isBad?: boolean;
}

function Figure({ value, label, isMain, isBad }: FigureProps) {
  const tone = isBad === true ? "figure-bad" : isMain === true ? "figure-main" : "";
  return (
    <div className={`figure ${tone}`}>
      <strong>{value.toLocaleString("en")}</strong>
      <span>{label}</span>
    </div>
  );
}

interface GaugesProps {
  readonly machine: Machine;
  /** The file system that is worst off, of those that Corral writes to. */
  readonly disk: HealthAnswer["disk"];
}

function Gauges({ machine, disk }: GaugesProps) {
  const memoryUsed = machine.memory_bytes - machine.memory_free_bytes;
  const diskBytes = disk?.total_bytes ?? machine.disk_bytes;
  const diskFree = disk?.free_bytes ?? machine.disk_free_bytes;
  const isDiskFine = disk === null || disk.level === "fine";
  return (
    <div className="gauges">
      <Meter
        label="Load"
        share={machine.load / machine.cores}
        text={`${machine.load.toFixed(1)} on ${counted(machine.cores, "core")}`}
      />
      <Meter
        label="Memory"
        share={memoryUsed / machine.memory_bytes}
        text={`${bytes(machine.memory_free_bytes)} free`}
      />
      <Meter
        label="Disk"
        share={isDiskFine ? shareOf(diskBytes - diskFree, diskBytes) : 1}
        text={`${bytes(diskFree)} free${isDiskFine ? "" : `: ${disk.level}`}`}
      />
    </div>
  );
}

function shareOf(used: number, all: number): number {
  return all === 0 ? 0 : used / all;
}

const SHOWN_WORDS: Readonly<Record<Shown, string>> = {
  all: "All",
  live: "Live",
  attention: "Attention",
  ended: "Ended",
};

function Agents() {
  const agents = useLive((state) => state.agents);
  const leftOut = useLive((state) => state.agentsLeftOut);
  const [shown, setShown] = useState<Shown>("all");
  const [text, setText] = useState("");
  const search = useDeferredValue(text);
  const ordered = useMemo(() => inOrder(agents.values()), [agents]);
  const list = useMemo(() => chosen(ordered, { shown, text: search }), [ordered, shown, search]);
  return (
    <Panel title="Agents" className="agents" aside={<span className="count">{list.length}</span>}>
      <div className="bar">
        <div className="segments" role="group" aria-label="Which agents">
          {SHOWN.map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={shown === one}
              onClick={() => setShown(one)}
            >
              {SHOWN_WORDS[one]}
            </button>
          ))}
        </div>
        <SearchField text={text} onText={setText} label="Search agents" />
      </div>
      <AgentList list={list} isFiltered={search !== "" || shown !== "all"} />
      {leftOut > 0 ? (
        <p className="note">
          {counted(leftOut, "older agent")} that ended and hold nothing: “corral ps -a”.
        </p>
      ) : null}
    </Panel>
  );
}

function AgentList({
  list,
  isFiltered,
}: {
  readonly list: readonly AgentView[];
  readonly isFiltered: boolean;
}) {
  const now = useNow();
  if (list.length > 0) {
    return (
      <Rows
        items={list}
        label="Agents"
        heightVar="--agent-row"
        keyOf={({ agent_id: id }) => id}
        render={(agent) => <AgentRow agent={agent} now={now} />}
      />
    );
  }
  if (isFiltered) return <Empty title="No agent is like that">Search for less, or show all.</Empty>;
  return (
    <Empty title="No agents yet">
      Deploy one from your MCP client, or with <code>corral deploy</code>. It appears here by
      itself.
    </Empty>
  );
}

interface SearchFieldProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly label: string;
}

/** `/` goes to it, as in a pager. */
export function SearchField({ text, onText, label }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { tagName } = event.target as HTMLElement;
      if (event.key !== "/" || tagName === "INPUT" || tagName === "TEXTAREA") return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <label className="search">
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        value={text}
        placeholder={label}
        aria-label={label}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          onText("");
          event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function Tasks() {
  const tasks = useLive((state) => state.tasks);
  const [isAll, setAll] = useState(false);
  const list = useMemo(
    () => [...tasks.values()].toSorted((a, b) => b.agents_live - a.agents_live),
    [tasks],
  );
  if (list.length === 0) {
    return (
      <Panel title="Tasks">
        <Empty title="No tasks yet">
          A client makes one with <code>create_real_task</code>.
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel title="Tasks" aside={<span className="count">{list.length}</span>}>
      <ul className="tasks">
        {(isAll ? list : list.slice(0, TASKS_SHOWN)).map((task) => (
          <TaskItem key={task.task_id} task={task} />
        ))}
      </ul>
      {list.length > TASKS_SHOWN ? (
        <button type="button" className="plain more" onClick={() => setAll(!isAll)}>
          {isAll ? "Show fewer" : `Show all ${list.length}`}
        </button>
      ) : null}
    </Panel>
  );
}

function TaskItem({ task }: { readonly task: Task }) {
  return (
    <li>
      <Link to={taskPath(task.task_id)}>
        <span className={`priority priority-${task.priority}`}>{task.priority}</span>
        <span className="task-words">{task.description}</span>
        <span className="task-count">
          {task.agents_live > 0 ? <b>{task.agents_live} live</b> : null}
          {task.status === "open" ? null : <span>{task.status}</span>}
          <span>{counted(task.agents, "agent")}</span>
        </span>
      </Link>
    </li>
  );
}

function Latest() {
  const events = useLive((state) => state.events);
  return (
    <Panel title="Latest">
      {events.length === 0 ? (
        <Empty title="Nothing has happened yet" />
      ) : (
        <EventList events={events.slice(-EVENTS_SHOWN)} label="Latest events" linkOf={agentPath} />
      )}
    </Panel>
  );
}
