import type { CorralEvent } from "../../../src/contract/events.ts";
import { said } from "../live/events-text.ts";
import { agentPath } from "../live/places.ts";
import { dayAndTime, timeOfDay } from "./format.ts";
import { Link } from "./link.tsx";

interface EventListProps {
  /** Oldest first; shown newest first. */
  readonly events: readonly CorralEvent[];
  readonly label: string;
  readonly linkOf?: (agentId: string) => string;
}

export function EventList({ events, label, linkOf = agentPath }: EventListProps) {
  return (
    <ol className="events" aria-label={label}>
      {events.toReversed().map((event) => (
        <EventItem key={event.seq} event={event} linkOf={linkOf} />
      ))}
    </ol>
  );
}

function EventItem({
  event,
  linkOf,
}: {
  readonly event: CorralEvent;
  readonly linkOf: (agentId: string) => string;
}) {
  const { text, tone } = said(event);
  return (
    <li className={`event event-${tone}`} data-seq={event.seq}>
      <time dateTime={event.at} title={dayAndTime(event.at)}>
        {timeOfDay(event.at)}
      </time>
      <span className="event-words">
        {event.agent_id === null ? null : <Link to={linkOf(event.agent_id)}>{event.agent_id}</Link>}{" "}
        {text}
      </span>
    </li>
  );
}
