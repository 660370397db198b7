/** Circuits in a real store: what opens and closes them, what is told, and that a restart changes nothing. */
import { expect, test } from "vitest";
import type { Credential } from "../../../src/harness/credential.ts";
import { NO_OUTCOME } from "../../../src/output/outcome.ts";
import {
  admitByQuota,
  noteAnswer,
  noteEnd,
  noteRefusal,
  quotaConditions,
  quotaViews,
  resetQuota,
} from "../../../src/supervision/quota.ts";
import type { Store } from "../../../src/supervision/store.ts";
import { newAgent, type StoreStage, storeStage, task } from "../../helpers/fault-store.ts";

const HOUR = 3_600_000;
const ACCOUNT: Credential = { key: "codex:1", label: "~/.codex/auth.json" };
const LIMIT = "You've hit your usage limit. Upgrade, or try again in 3 days 4 hours 9 minutes.";
const DAYS = (3 * 24 + 4) * HOUR + 9 * 60_000;

function begin(here: StoreStage): Store {
  const store = here.open();
  store.addTask(task());
  for (const id of ["a", "b"]) {
    store.admitAgent(
      newAgent(id, { harness: "codex", quotaKey: ACCOUNT.key, quotaLabel: ACCOUNT.label }),
    );
  }
  return store;
}
const alerts = (store: Store) => quotaConditions({ store }).map(({ holds }) => holds);

test("a quota's refusal refuses the account's deploys until the reset, after a restart too", () => {
  using here = storeStage();
  const first = begin(here);
  const { clock } = here;
  noteRefusal({ store: first, clock }, first.agent("a")!, LIMIT, clock.at);
  first.close();

  const store = here.open();
  const setting = { store, clock };
  noteRefusal(setting, store.agent("b")!, LIMIT, clock.at + 1);
  expect(alerts(store)).toEqual(["yes"]);
  const until = new Date(1_000 + DAYS).toISOString();
  expect(() => admitByQuota(setting, ACCOUNT, "c")).toThrow(
    expect.objectContaining({
      code: "QUOTA_EXHAUSTED",
      retryable: true,
      details: {
        harness: "codex",
        credential: ACCOUNT.label,
        until,
        retry_after_s: DAYS / 1_000,
        trying: null,
      },
    }),
  );
  expect(() => admitByQuota(setting, { key: "codex:2", label: "x" }, "c")).not.toThrow();
  expect(() => admitByQuota(setting, null, "c")).not.toThrow();
  expect(quotaViews(setting)).toMatchObject([
    { state: "open", until, named: true, opened_by: "a" },
  ]);
});

test("the first deploy after the reset tries, others wait for it, and its answer closes", () => {
  using here = storeStage();
  const store = begin(here);
  const { clock } = here;
  const setting = { store, clock };
  noteRefusal(setting, store.agent("a")!, LIMIT, clock.at);
  clock.at += DAYS;
  admitByQuota(setting, ACCOUNT, "b");
  expect(quotaViews(setting)).toMatchObject([{ state: "half_open", trying: "b" }]);
  expect(() => admitByQuota(setting, ACCOUNT, "c")).toThrow(
    expect.objectContaining({
      code: "QUOTA_EXHAUSTED",
      details: expect.objectContaining({ trying: "b" }),
    }),
  );
  noteAnswer(setting, store.agent("b")!, clock.at + 5);
  expect(alerts(store)).toEqual(["no"]);
  expect(quotaConditions({ store })[0]?.evidence).toContain("b was answered");
  expect(quotaViews(setting)).toEqual([]);
  expect(() => admitByQuota(setting, ACCOUNT, "c")).not.toThrow();
});

test("a CLI that ends at once says it in its end, and one that ends well closes it there", () => {
  using here = storeStage();
  const store = begin(here);
  const { clock } = here;
  const setting = { store, clock };
  const failed = {
    type: "result",
    isError: true,
    text: LIMIT,
    usage: null,
    permissionDenials: null,
  } as const;
  noteEnd(setting, store.agent("a")!, { ...NO_OUTCOME.outcome, result: failed }, clock.at);
  expect(quotaViews(setting)).toMatchObject([{ state: "open", message: LIMIT }]);
  clock.at += DAYS;
  admitByQuota(setting, ACCOUNT, "b");
  clock.at += 10;
  noteEnd(
    setting,
    store.agent("b")!,
    { ...NO_OUTCOME.outcome, result: { ...failed, isError: false } },
    clock.at,
  );
  expect(quotaViews(setting)).toEqual([]);
});

test("what is closed by hand stays closed until something new is said", () => {
  using here = storeStage();
  const store = begin(here);
  const { clock } = here;
  const setting = { store, clock };
  noteRefusal(setting, store.agent("a")!, LIMIT, clock.at);
  clock.at += 10;
  expect(resetQuota(setting, { harness: "claude" }).closed).toEqual([]);
  expect(resetQuota(setting, { harness: "codex" }).closed).toEqual([
    { harness: "codex", credential: ACCOUNT.label },
  ]);
  noteRefusal(setting, store.agent("a")!, LIMIT, clock.at - 5);
  expect(quotaViews(setting)).toEqual([]);
  noteRefusal(setting, store.agent("a")!, LIMIT, clock.at + 5);
  expect(quotaViews(setting)).toHaveLength(1);
});

test("a reset on somebody's wall is read as its moment, and what cannot be read is said to be a guess", () => {
  using here = storeStage();
  const store = begin(here);
  const { clock } = here;
  const setting = { store, clock };
  const words = "You've hit your session limit · resets";
  noteRefusal(setting, store.agent("a")!, `${words} 25pm (Nowhere/Land)`, clock.at);
  expect(quotaViews(setting)).toMatchObject([{ named: false }]);
  expect(quotaConditions(setting)[0]?.evidence).toContain("(a guess: no reset could be read)");
  expect(() => admitByQuota(setting, ACCOUNT, "c")).toThrow("(a guess: no reset could be read)");
  noteRefusal(setting, store.agent("a")!, `${words} 3pm (Europe/Berlin)`, clock.at + 1);
  // Berlin was an hour ahead in January 1970, too.
  const until = new Date(14 * HOUR).toISOString();
  expect(quotaViews(setting)).toMatchObject([{ named: true, until }]);
  expect(quotaConditions(setting)[0]?.evidence).not.toContain("guess");
});

test("what is no quota opens nothing", () => {
  using here = storeStage();
  const store = begin(here);
  const setting = { store, clock: here.clock };
  for (const text of [
    "429 Too Many Requests",
    "rate_limit",
    "quota: try again in 14.2s",
    "overloaded",
  ]) {
    noteRefusal(setting, store.agent("a")!, text, here.clock.at);
  }
  expect(quotaViews(setting)).toEqual([]);
  expect(alerts(store)).toEqual([]);
});
