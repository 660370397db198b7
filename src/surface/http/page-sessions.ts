/**
 * Sessions of the dashboard's pages: a one-time code opens one, two halves prove it.
 *
 * The cookie alone opens nothing. Browsers send a cookie to every port of a host, so another
 * program's page on loopback would be handed it; the proof is kept by the page itself, in storage
 * that only our own origin reads, and sent in a header, which no other site can set.
 *
 * Both halves are signed with a key drawn from the client token, so a session outlives the daemon,
 * nothing of it is stored, and a new client token ends them all.
 */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { Fault } from "../../kernel/fault.ts";
import { DAY_MS, SECOND_MS, type EpochMs } from "../../kernel/units.ts";

/** How long a login code may be used. Milliseconds. */
export const CODE_LIFE_MS = 120 * SECOND_MS;
/** How long a session lasts, from its login on. Milliseconds. */
export const SESSION_LIFE_MS = 7 * DAY_MS;
/** Codes that may be waiting for their use at once; the oldest gives way. */
const CODES_MOST = 32;
const CODE_BYTES = 24;
const NAME_BYTES = 16;

export interface PageSession {
  /** Value of the cookie. */
  readonly cookie: string;
  /** What the page sends beside it. */
  readonly proof: string;
  readonly endsAt: EpochMs;
}

export interface PageSessions {
  /** A code that opens one session, once, within {@link CODE_LIFE_MS}. Only its hash is kept. */
  mintCode(): { readonly code: string; readonly endsAt: EpochMs };
  /** Trades a code for a session. @throws {Fault} LOGIN_INVALID for any other code, and the second time. */
  begin(code: string): PageSession;
  /** True when the two halves are of one session that is not over. */
  holds(cookie: string, proof: string): boolean;
  /** Ends one session for the life of this daemon; its page forgets both halves. */
  end(cookie: string): void;
}

/**
 * @param clientToken  The token of clients of this state directory; whoever can read it is a client anyway.
 * @param now          Milliseconds since the Unix epoch.
 */
export function pageSessions(clientToken: string, now: () => EpochMs): PageSessions {
  const key = Buffer.from(hkdfSync("sha256", clientToken, "", "corral page sessions 1", 32));
  const codes = new Map<string, EpochMs>();
  const over = new Map<string, EpochMs>();
  const signed = (text: string): string =>
    createHmac("sha256", key).update(text).digest("base64url");
  const proofOf = (cookie: string): string => signed(`proof ${cookie}`);

  return {
    mintCode() {
      forgetPast(codes, now());
      const [oldest] = codes.keys();
      if (codes.size >= CODES_MOST && oldest !== undefined) codes.delete(oldest);
      const code = randomBytes(CODE_BYTES).toString("base64url");
      const endsAt = now() + CODE_LIFE_MS;
      codes.set(hashOf(code), endsAt);
      return { code, endsAt };
    },
    begin(code) {
      forgetPast(codes, now());
      if (!codes.delete(hashOf(code))) throw codeInvalid();
      const endsAt = now() + SESSION_LIFE_MS;
      const name = `${endsAt}.${randomBytes(NAME_BYTES).toString("base64url")}`;
      const cookie = `${name}.${signed(`cookie ${name}`)}`;
      return { cookie, proof: proofOf(cookie), endsAt };
    },
    holds(cookie, proof) {
      const split = cookie.lastIndexOf(".");
      const name = cookie.slice(0, split);
      const isOurs = isSame(cookie.slice(split + 1), signed(`cookie ${name}`));
      return (
        isOurs &&
        isSame(proof, proofOf(cookie)) &&
        Number.parseInt(name, 10) > now() &&
        !over.has(hashOf(cookie))
      );
    },
    end(cookie) {
      forgetPast(over, now());
      over.set(hashOf(cookie), now() + SESSION_LIFE_MS);
    },
  };
}

function forgetPast(times: Map<string, EpochMs>, now: EpochMs): void {
  for (const [key, endsAt] of times) if (endsAt <= now) times.delete(key);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function isSame(given: string, wanted: string): boolean {
  return given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
}

function codeInvalid(): Fault {
  return new Fault("LOGIN_INVALID", "This login link has been used, or is too old.", {
    hint: 'Run "corral open" for a new one.',
  });
}
