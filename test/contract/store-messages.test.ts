/** Messages in the store: rows that only ever go forward, and an event for each step. */
import { describe, expect, test } from "vitest";
import { MESSAGES_MOST, MESSAGES_OPEN_MOST } from "../../src/contract/messages.ts";
import { Fault } from "../../src/kernel/fault.ts";
import type { NewMessage } from "../../src/supervision/message-store.ts";
import type { Store } from "../../src/supervision/store.ts";
import { newAgent, settlement, storeStage, task } from "../helpers/fault-store.ts";

function stage() {
  const all = storeStage();
  const store = all.open();
  store.addTask(task("T1"));
  store.admitAgent(newAgent("a"));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
  return "no fault";
}

let count = 0;
const message = (over: Partial<NewMessage> = {}): NewMessage => {
  count += 1;
  return {
    id: `MSG-${count.toString(16).padStart(12, "0")}`,
    taskId: "T1",
    agentId: "a",
    sender: "orchestrator",
    relation: "orchestrator",
    text: "A word.",
    sentAt: 1,
    idempotencyKey: null,
    ...over,
  };
};
const kinds = (store: Store) =>
  store
    .eventsAfter(0, 100)
    .map(({ kind }) => kind)
    .filter((kind) => kind.startsWith("message."));

test("queued, put in, handed over, read: each once, each told once", () => {
  using here = stage();
  const { store } = here;
  const { id } = store.addMessage(message()).message;
  expect(store.openMessages("a")).toMatchObject([{ id, offers: 0, deliveredAt: null }]);
  store.offerMessages([id], "a", "answer");
  expect(store.message(id)).toMatchObject({ offers: 1, carrier: "a", deliveredAt: null });
  store.deliverMessages([id], "a", 5);
  store.deliverMessages([id], "a", 6);
  expect(store.message(id)).toMatchObject({ deliveredAt: 5, consumedAt: null });
  store.consumeMessages([id], "a", "stream", 7);
  store.consumeMessages([id], "a", "call", 8);
  expect(store.message(id)).toMatchObject({ consumedAt: 7, evidence: "stream" });
  store.offerMessages([id], "a", "answer");
  expect(store.message(id), "what is read is not put in again").toMatchObject({ offers: 1 });
  expect(store.openMessages("a")).toEqual([]);
  expect(kinds(store)).toEqual(["message.queued", "message.delivered", "message.consumed"]);
});

test("whoever does not carry a message can neither deliver nor read it", () => {
  using here = stage();
  const { id } = here.store.addMessage(message()).message;
  here.store.deliverMessages([id], "a", 5);
  here.store.consumeMessages([id, "MSG-none"], "a", "stream", 5);
  expect(here.store.message(id)).toMatchObject({ deliveredAt: null, consumedAt: null });
  here.store.offerMessages([id], "a", "answer");
  here.store.consumeMessages([id], "b", "stream", 5);
  expect(here.store.message(id)).toMatchObject({ deliveredAt: null, consumedAt: null });
});

test("what was read was delivered, also when nobody came to write that down", () => {
  using here = stage();
  const { id } = here.store.addMessage(message()).message;
  here.store.offerMessages([id], "a", "answer");
  here.store.consumeMessages([id], "a", "stream", 9);
  expect(here.store.message(id)).toMatchObject({ deliveredAt: 9, consumedAt: 9 });
});

test("the same key of the same sender is the same message; of another it is another", () => {
  using here = stage();
  const first = here.store.addMessage(message({ idempotencyKey: "k" }));
  const again = here.store.addMessage(message({ idempotencyKey: "k", text: "Another." }));
  const other = here.store.addMessage(message({ idempotencyKey: "k", sender: "b" }));
  expect(first.isNew && !again.isNew && other.isNew).toBe(true);
  expect(again.message).toEqual(first.message);
  expect(here.store.messagesTo("a", 9)).toHaveLength(2);
  expect(here.store.messagesTo("a", 9, "b")).toHaveLength(1);
});

test("no more wait, and no more are kept, than the contract says", () => {
  using here = stage();
  const { store } = here;
  const read = (id: string) => {
    store.offerMessages([id], "a", "answer");
    store.consumeMessages([id], "a", "stream", 5);
  };
  const add = () => store.addMessage(message()).message.id;
  const open = Array.from({ length: MESSAGES_OPEN_MOST }, add);
  expect(codeOf(add)).toBe("LIMIT_REACHED");
  for (const id of open) read(id);
  store.atomically(() => {
    for (let n = MESSAGES_OPEN_MOST; n < MESSAGES_MOST; n += 1) read(add());
  });
  expect(codeOf(add)).toBe("LIMIT_REACHED");
  expect(codeOf(() => store.addMessage(message({ agentId: "b" })))).toBe("no fault");
});

describe("an agent that goes on with another", () => {
  const resumed = (id: string, from = "a", messages: readonly string[] = []) =>
    newAgent(id, { resumedFrom: from, messages });

  test("takes its open messages along: put in at once, delivered when it runs", () => {
    using here = stage();
    const { store } = here;
    const { id } = store.addMessage(message()).message;
    store.settle("a", settlement());
    store.admitAgent(resumed("b", "a", [id]));
    expect(store.message(id)).toMatchObject({ carrier: "b", way: "resume", deliveredAt: null });
    expect(store.openMessages("b").map((one) => one.id)).toEqual([id]);
    store.markRunning("b", 5, []);
    expect(store.message(id)).toMatchObject({ deliveredAt: 5, agentId: "a" });
    expect(store.agent("a")).toMatchObject({ resumedAs: "b", resumedFrom: null });
    expect(store.agent("b")).toMatchObject({ resumedFrom: "a", resumedAs: null });
  });

  test("is the only one, unless it never had a session", () => {
    using here = stage();
    const { store } = here;
    store.settle("a", settlement({ cliSession: "s" }));
    store.admitAgent(resumed("b"));
    expect(
      codeOf(() => store.admitAgent(resumed("c"))),
      "b lives",
    ).toBe("RESUME_REFUSED");
    expect(store.agent("c")).toBeNull();
    store.settle("b", settlement({ cliSession: null }));
    store.admitAgent(resumed("c"));
    store.settle("c", settlement({ cliSession: "s" }));
    expect(
      codeOf(() => store.admitAgent(resumed("d"))),
      "c has it",
    ).toBe("RESUME_REFUSED");
    store.admitAgent(resumed("d", "c"));
    expect(store.agent("c")).toMatchObject({ resumedAs: "d" });
  });
});

test("messages are forgotten with their agent's records", () => {
  using here = stage();
  const { store } = here;
  const { id } = store.addMessage(message()).message;
  store.settle("a", settlement());
  for (const row of store.resourcesOf("a")) {
    store.beginRelease([row.id]);
    store.recordReleases([{ resource: row, error: null, undone: { gone: true, seen: "absent" } }]);
  }
  store.forgetRecords(Number.MAX_SAFE_INTEGER, null, 1_000);
  expect(store.agent("a")).toMatchObject({ options: null });
  expect(store.message(id)).toBeNull();
});
