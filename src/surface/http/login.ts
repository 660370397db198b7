/** The way into the dashboard: a link for whoever is a client, a session for whoever has the link's code. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type LoginAnswer, type SessionAnswer, SessionInput } from "../../contract/api.ts";
import { Fault } from "../../kernel/fault.ts";
import { isoTime, SECOND_MS } from "../../kernel/units.ts";
import type { Operations } from "../../supervision/operations.ts";
import { parseInput } from "../mcp/parse-input.ts";
import { sendJson } from "./exchange.ts";
import { type Channel, checkSameOrigin, sessionCookie, setCookie } from "./gate.ts";
import { type PageSessions, SESSION_LIFE_MS } from "./page-sessions.ts";

export interface LoginDoor {
  /** A link that works once. Its code stands behind `#`, so no server and no log is ever sent it. */
  invite(): LoginAnswer;
  /** Answers with the page's half of a session and hands the browser the other. @throws {Fault} LOGIN_INVALID. */
  begin(request: IncomingMessage, response: ServerResponse, channel: Channel, body: unknown): void;
  /** Ends the session of the page that asks. */
  end(request: IncomingMessage, response: ServerResponse, channel: Channel): void;
}

export function loginDoor(
  sessions: PageSessions,
  operations: Pick<Operations, "health">,
): LoginDoor {
  return {
    invite() {
      const { code, endsAt } = sessions.mintCode();
      return { url: `${operations.health().url}/login#${code}`, ends_at: isoTime(endsAt) };
    },
    begin(request, response, channel, body) {
      const over = loopback(channel);
      checkSameOrigin(request, over);
      const { code } = parseInput(SessionInput, body, "POST /api/session");
      const { cookie, proof, endsAt } = sessions.begin(code);
      const answer: SessionAnswer = { proof, ends_at: isoTime(endsAt) };
      const lifeS = SESSION_LIFE_MS / SECOND_MS;
      sendJson(response, 200, answer, { "set-cookie": setCookie(over.port, cookie, lifeS) });
    },
    end(request, response, channel) {
      const cookie = sessionCookie(request, channel);
      if (cookie !== undefined) sessions.end(cookie);
      const taken = setCookie(loopback(channel).port, "", 0);
      sendJson(response, 200, { ended: cookie !== undefined }, { "set-cookie": taken });
    },
  };
}

function loopback(channel: Channel): Channel & { readonly kind: "loopback" } {
  if (channel.kind === "loopback") return channel;
  throw new Fault("ORIGIN_REFUSED", "Sessions of the dashboard are for its pages on loopback.", {
    hint: 'Run "corral open" and follow its link; the socket needs no session.',
  });
}
