/** The pieces that pages are made of. */
import { type ReactNode, useEffect, useRef } from "react";
import type { ApiFault } from "../live/fault.ts";
import { Icon } from "./marks.tsx";

interface PanelProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Beside the title: a count, a button. */
  readonly aside?: ReactNode;
  readonly className?: string;
}

export function Panel({ title, children, aside, className = "" }: PanelProps) {
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <header className="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** What stands where nothing is: what would be here, and how it comes to be. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children === undefined ? null : <p>{children}</p>}
    </div>
  );
}

/** A failure: what happened, and the next step. */
export function Failure({
  fault,
  again,
}: {
  readonly fault: ApiFault;
  readonly again?: () => void;
}) {
  return (
    <div className="failure" role="alert">
      <strong>{fault.message}</strong>
      <p>{fault.hint}</p>
      <code>{fault.code}</code>
      {again === undefined ? null : (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

interface MeterProps {
  readonly label: string;
  /** 0 to 1; what is over is shown full. */
  readonly share: number;
  readonly text: string;
}

/** From these shares on a meter asks for attention. */
const HIGH = 0.8;
const FULL = 0.95;

export function Meter({ label, share, text }: MeterProps) {
  const tone = share >= FULL ? "full" : share >= HIGH ? "high" : "fine";
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div className={`meter meter-${tone}`}>
      <span className="meter-label">{label}</span>
      <span className="meter-text">{text}</span>
      <div
        className="meter-track"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text}
      >
        <div className="meter-fill" style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly onClose: () => void;
}

/** Asks before something is done: the browser's own dialog, with its keys and its focus. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="plain" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

/** Facts in pairs. Null facts are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function Loading() {
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">Loading</span>
    </div>
  );
}
