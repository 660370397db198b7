/** What is held and by whom, what nobody owns any more, and what is kept until its date. */
import { useDeferredValue, useMemo, useState } from "react";
import type { LedgerAnswer, LedgerRow, SweepAnswer, SweepStep } from "../../../src/contract/api.ts";
import { get, post } from "../live/api.ts";
import { ApiFault } from "../live/fault.ts";
import { agentPath, taskPath } from "../live/places.ts";
import { useLive } from "../live/store.ts";
import { Archives } from "../parts/archives.tsx";
import { ago, counted, dayAndTime, words } from "../parts/format.ts";
import { useAsked, useNow } from "../parts/hooks.ts";
import { Link } from "../parts/link.tsx";
import { Dialog, Empty, Failure, Loading, Panel } from "../parts/panels.tsx";
import { StateMark } from "../parts/receipt.tsx";
import { Rows } from "../parts/rows.tsx";
import { SearchField } from "./overview.tsx";

export function CleanupPage() {
  const reason = useLive(({ events }) => events.at(-1)?.seq ?? 0);
  const archived = useLive(
    ({ events }) => events.findLast(({ kind }) => kind.startsWith("archive."))?.seq ?? 0,
  );
  const [swept, setSwept] = useState(0);
  return (
    <>
      <header className="page-head">
        <h1>Cleanup</h1>
        <p className="lead">
          Before anything is made it is a row here; the row is crossed out only after the thing was
          looked for and not found.
        </p>
      </header>
      <Sweep onApplied={() => setSwept((count) => count + 1)} />
      <Ledger reason={`${reason} ${swept}`} />
      <Archives reason={archived} />
    </>
  );
}

const VIEWS = { held: "Held", retained: "Kept", released: "Released" } as const;
type View = keyof typeof VIEWS;
const VIEW_NAMES = Object.keys(VIEWS) as readonly View[];
const VIEW_OF: Readonly<Record<LedgerRow["state"], View>> = {
  intended: "held",
  held: "held",
  releasing: "held",
  retained: "retained",
  released: "released",
};

/** What is held is asked for by itself: the whole ledger may be ten thousand rows. */
function Ledger({ reason }: { readonly reason: string }) {
  const [view, setView] = useState<View>("held");
  const [text, setText] = useState("");
  const search = useDeferredValue(text).toLowerCase();
  const path = view === "held" ? "/api/ledger" : "/api/ledger?all=1";
  const asked = useAsked(path, (signal) => get<LedgerAnswer>(path, signal), reason);
  const list = useMemo(
    () =>
      (asked.answer?.rows ?? [])
        .filter((row) => VIEW_OF[row.state] === view && isLike(row, search))
        .toSorted((a, b) => b.attempts - a.attempts || b.changed_at.localeCompare(a.changed_at)),
    [asked.answer, view, search],
  );
  return (
    <Panel title="Ledger" aside={<span className="count">{list.length}</span>}>
      <div className="bar">
        <div className="segments" role="group" aria-label="Which resources">
          {VIEW_NAMES.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={view === name}
              onClick={() => setView(name)}
            >
              {VIEWS[name]}
            </button>
          ))}
        </div>
        <SearchField text={text} onText={setText} label="Search the ledger" />
      </div>
      {asked.fault === null ? null : <Failure fault={asked.fault} again={asked.again} />}
      {asked.answer === null && asked.fault === null ? <Loading /> : null}
      {asked.answer === null ? null : (
        <LedgerRows list={list} empty={search === "" ? EMPTY_WORDS[view] : NONE_LIKE_THAT} />
      )}
    </Panel>
  );
}

function isLike({ owner, kind, locator, seen }: LedgerRow, search: string): boolean {
  return `${owner} ${kind} ${locator} ${seen ?? ""}`.toLowerCase().includes(search);
}

interface LedgerRowsProps {
  readonly list: readonly LedgerRow[];
  /** What is said when there is none. */
  readonly empty: string;
}

function LedgerRows({ list, empty }: LedgerRowsProps) {
  const now = useNow(5_000);
  if (list.length === 0) return <Empty title={empty} />;
  return (
    <Rows
      items={list}
      label="Ledger"
      heightVar="--ledger-row"
      keyOf={({ id }) => id}
      render={(row) => <LedgerItem row={row} now={now} />}
    />
  );
}

const NONE_LIKE_THAT = "No resource is like that";
const EMPTY_WORDS: Readonly<Record<View, string>> = {
  held: "Nothing is held",
  retained: "Nothing is kept",
  released: "Nothing was released yet",
};

function LedgerItem({ row, now }: { readonly row: LedgerRow; readonly now: number }) {
  const isStuck = row.attempts > 0 && row.state !== "released" && row.state !== "retained";
  return (
    <div className={`ledger-row ${isStuck ? "ledger-stuck" : ""}`}>
      <StateMark state={row.state} />
      <b>{words(row.kind)}</b>
      <span className="ledger-owner">
        <Owner owner={row.owner} />
      </span>
      <span className="ledger-seen" title={row.locator}>
        {row.error ?? row.seen ?? row.locator}
      </span>
      <time dateTime={row.changed_at} title={dayAndTime(row.changed_at)}>
        {isStuck ? counted(row.attempts, "try", "tries") : ago(row.changed_at, now)}
      </time>
    </div>
  );
}

function Owner({ owner }: { readonly owner: string }) {
  if (owner === "daemon") return <>daemon</>;
  return <Link to={owner.startsWith("TASK-") ? taskPath(owner) : agentPath(owner)}>{owner}</Link>;
}

/** First a plan that can be read, then exactly that plan. */
function Sweep({ onApplied }: { readonly onApplied: () => void }) {
  const [answer, setAnswer] = useState<SweepAnswer | null>(null);
  const [fault, setFault] = useState<ApiFault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);

  const ask = async (input: object): Promise<void> => {
    setBusy(true);
    setFault(null);
    try {
      setAnswer(await post<SweepAnswer>("/api/sweep", input));
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      setFault(error);
    } finally {
      setBusy(false);
    }
  };
  const apply = async (planId: string): Promise<void> => {
    setAsking(false);
    await ask({ apply: true, plan_id: planId });
    onApplied();
  };

  const planned = answer === null || answer.applied ? 0 : answer.steps.length;
  return (
    <Panel
      title="Sweep"
      aside={
        <div className="buttons">
          <button type="button" disabled={isBusy} onClick={() => void ask({ apply: false })}>
            {isBusy ? "Looking…" : answer === null ? "Plan a sweep" : "Plan anew"}
          </button>
          {planned > 0 ? (
            <button
              type="button"
              className="danger"
              disabled={isBusy}
              onClick={() => setAsking(true)}
            >
              Release {planned}…
            </button>
          ) : null}
        </div>
      }
    >
      {fault === null ? null : <Failure fault={fault} />}
      <SweepFound answer={answer} />
      {isAsking && answer !== null ? (
        <Dialog title="Release what the plan names?" onClose={() => setAsking(false)}>
          <p>
            {counted(planned, "step")} of plan <code>{answer.plan_id}</code>. What is no longer as
            it was planned is left alone.
          </p>
          <footer>
            <button type="button" onClick={() => setAsking(false)}>
              Leave it
            </button>
            <button type="button" className="danger" onClick={() => void apply(answer.plan_id)}>
              Release
            </button>
          </footer>
        </Dialog>
      ) : null}
    </Panel>
  );
}

function SweepFound({ answer }: { readonly answer: SweepAnswer | null }) {
  if (answer === null) {
    return (
      <p className="note">
        The daemon sweeps by itself every few minutes. A plan shows what no live owner holds now,
        and touches nothing.
      </p>
    );
  }
  return (
    <>
      {answer.steps.length === 0 ? (
        <Empty title={answer.applied ? "Nothing was left to do" : "Nothing to release"}>
          Everything that bears our mark has an owner.
        </Empty>
      ) : (
        <ul className="steps" aria-label={answer.applied ? "What was done" : "The plan"}>
          {answer.steps.map((step) => (
            <StepItem key={`${step.kind} ${step.locator}`} step={step} />
          ))}
        </ul>
      )}
      {answer.unknown.length === 0 ? null : (
        <div className="failure">
          <strong>Not looked at, and not touched</strong>
          <ul>
            {answer.unknown.map((what) => (
              <li key={what}>{what}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function StepItem({ step }: { readonly step: SweepStep }) {
  return (
    <li className={`step step-${step.outcome}`}>
      <span className="state">{step.outcome}</span>
      <b>{words(step.kind)}</b>
      <code>{step.locator}</code>
      <span className="step-why">{step.seen ?? step.why}</span>
    </li>
  );
}
