/** What wants a look: since when, why, and what to do; and what did a while ago. */
import type { AlertsAnswer, AlertView } from "../../../src/contract/alerts.ts";
import { inUrgency, placeOfAlert } from "../live/alerts.ts";
import { get } from "../live/api.ts";
import { useLive } from "../live/store.ts";
import { ago, counted, dayAndTime, span, words } from "./format.ts";
import { useAsked, useNow } from "./hooks.ts";
import { Link } from "./link.tsx";
import { Failure, Panel } from "./panels.tsx";

const ASK_EVERY_MS = 15_000;
const CLEARED_SHOWN = 5;

/** Nothing while there is nothing to tell. An event of an alert asks at once. */
export function AlertsPanel() {
  const now = useNow(ASK_EVERY_MS);
  const told = useLive(({ events }) => events.findLast(({ kind }) => kind === "alert")?.seq ?? 0);
  const { answer, fault, again } = useAsked(
    "alerts",
    (signal) => get<AlertsAnswer>("/api/alerts", signal),
    `${told} ${document.hidden ? 0 : now}`,
  );
  if (answer === null) return fault === null ? null : <Failure fault={fault} again={again} />;
  const { standing, cleared } = answer;
  if (standing.length === 0 && cleared.length === 0) return null;
  const latest = cleared.slice(-CLEARED_SHOWN).toReversed();
  return (
    <Panel
      title="Alerts"
      className={standing.length === 0 ? "" : "alerts"}
      aside={<span className="count">{standing.length}</span>}
    >
      {standing.length === 0 ? null : (
        <ul className="standing" aria-label="What wants a look">
          {inUrgency(standing).map((alert) => (
            <Standing key={alert.id} alert={alert} now={now} />
          ))}
        </ul>
      )}
      {latest.length === 0 ? null : (
        <details className="cleared">
          <summary>{counted(cleared.length, "alert")} cleared lately</summary>
          <ul aria-label="Cleared alerts">
            {latest.map((alert) => (
              <li key={alert.id}>
                <b>{words(alert.rule)}</b> <Subject alert={alert} />: {alert.evidence}{" "}
                <span className="quiet">
                  cleared {ago(alert.cleared_at ?? alert.raised_at, now)}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Panel>
  );
}

function Standing({ alert, now }: { readonly alert: AlertView; readonly now: number }) {
  const { evidence, next_step: nextStep, rule, severity, since } = alert;
  return (
    <li className={`alert alert-${severity}`}>
      <p className="alert-head">
        <strong>{severity}</strong> {words(rule)}: <Subject alert={alert} />{" "}
        <time dateTime={since} title={dayAndTime(since)}>
          for {span(Math.max(0, now - Date.parse(since)))}
        </time>
      </p>
      <p>{evidence}</p>
      <p className="alert-next">{nextStep}</p>
    </li>
  );
}

function Subject({ alert }: { readonly alert: AlertView }) {
  const place = placeOfAlert(alert);
  const { kind, id } = alert.subject;
  const name = kind === id ? id : `${kind} ${id}`;
  return place === null ? <span>{name}</span> : <Link to={place}>{id}</Link>;
}
