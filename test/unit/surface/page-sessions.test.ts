import { describe, expect, test } from "vitest";
import {
  CODE_LIFE_MS,
  pageSessions,
  SESSION_LIFE_MS,
} from "../../../src/surface/http/page-sessions.ts";

const refused = expect.objectContaining({ code: "LOGIN_INVALID" });

function at(token = "client-token") {
  const time = { now: 1_000_000 };
  return { time, sessions: pageSessions(token, () => time.now) };
}

describe("a login code", () => {
  test("opens one session, once", () => {
    const { sessions } = at();
    const { code } = sessions.mintCode();
    const { cookie, proof } = sessions.begin(code);
    expect(sessions.holds(cookie, proof)).toBe(true);
    expect(() => sessions.begin(code)).toThrow(refused);
  });

  test("is over after two minutes", () => {
    const { sessions, time } = at();
    const { code, endsAt } = sessions.mintCode();
    expect(endsAt).toBe(time.now + CODE_LIFE_MS);
    time.now = endsAt;
    expect(() => sessions.begin(code)).toThrow(refused);
  });

  test.for(["", "x", "A".repeat(32)])("that was never given out (%j) opens nothing", (code) => {
    const { sessions } = at();
    sessions.mintCode();
    expect(() => sessions.begin(code)).toThrow(refused);
  });

  test("gives way when very many wait; the newest still works", () => {
    const { sessions } = at();
    const codes = Array.from({ length: 40 }, () => sessions.mintCode().code);
    expect(new Set(codes).size).toBe(40);
    expect(() => sessions.begin(codes[0]!)).toThrow(refused);
    expect(sessions.begin(codes.at(-1)!).cookie).not.toBe("");
  });
});

describe("a session", () => {
  const begun = ({ sessions }: ReturnType<typeof at>) => sessions.begin(sessions.mintCode().code);

  test("needs both halves, and those of one session", () => {
    const made = at();
    const one = begun(made);
    const other = begun(made);
    const { holds } = made.sessions;
    expect(holds(one.cookie, other.proof)).toBe(false);
    expect(holds(one.cookie, "")).toBe(false);
    expect(holds("", one.proof)).toBe(false);
    expect(holds(one.proof, one.proof)).toBe(false);
    expect(holds(one.cookie, one.cookie)).toBe(false);
  });

  test("cannot be made longer by whoever holds it", () => {
    const made = at();
    const { cookie, proof, endsAt } = begun(made);
    made.time.now = endsAt;
    const longer = cookie.replace(String(endsAt), String(endsAt + SESSION_LIFE_MS));
    expect(made.sessions.holds(cookie, proof)).toBe(false);
    expect(made.sessions.holds(longer, proof)).toBe(false);
  });

  test("outlives the daemon, and ends with the client token", () => {
    const made = at();
    const { cookie, proof } = begun(made);
    expect(at().sessions.holds(cookie, proof)).toBe(true);
    expect(at("another token").sessions.holds(cookie, proof)).toBe(false);
  });

  test("that was ended is over; others go on", () => {
    const made = at();
    const one = begun(made);
    const other = begun(made);
    made.sessions.end(one.cookie);
    expect(made.sessions.holds(one.cookie, one.proof)).toBe(false);
    expect(made.sessions.holds(other.cookie, other.proof)).toBe(true);
  });

  test("is no client token, and tells nothing of it", () => {
    const { cookie, proof } = begun(at("secret-of-the-client"));
    for (const half of [cookie, proof]) expect(half).not.toContain("secret-of-the-client");
  });
});
