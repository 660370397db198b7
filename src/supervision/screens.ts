/**
 * Looking at the panes of agents for whoever watches. Keeps nothing between two questions: no
 * subscription, no process, nothing to give back when a viewer or the daemon goes.
 */
import type { ScreenAnswer } from "../contract/screen.ts";
import type { AgentRecord } from "../agents/record.ts";
import { cleanPaneLine } from "../output/pane.ts";
import type { Host, PaneSeen } from "./ports.ts";

export interface Screens {
  /** @param seen  Digest of what the asker has already; undefined when it has nothing. */
  of(agent: AgentRecord, seen: string | undefined): Promise<ScreenAnswer>;
}

/** @param hostOf  The host that an agent of this kind lives on. */
export function screens(hostOf: (kind: AgentRecord["host"]) => Host): Screens {
  /** Looks that are being made: who asks for the same pane meanwhile shares one. */
  const looking = new Map<string, Promise<PaneSeen | null>>();

  function look({ host }: AgentRecord, session: string): Promise<PaneSeen | null> {
    const running = looking.get(session);
    if (running !== undefined) return running;
    const begun = hostOf(host)
      .look(session)
      .finally(() => looking.delete(session));
    looking.set(session, begun);
    return begun;
  }

  return {
    async of(agent, seen) {
      const { id, session } = agent;
      const none = { agent_id: id, state: "none", digest: null, screen: null } as const;
      if (agent.endedAt !== null) return none;
      const pane = await look(agent, session);
      if (pane === null) return none;
      const { digest, columns, rows, cursor, lines } = pane;
      if (digest === seen) return { agent_id: id, state: "same", digest, screen: null };
      const screen = { columns, rows, cursor, lines: lines.map(cleanPaneLine) };
      return { agent_id: id, state: "shown", digest, screen };
    },
  };
}
