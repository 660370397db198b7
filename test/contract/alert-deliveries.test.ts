/** Notices on their way: durable, bounded, tried again, and nobody's wait. The store and the receiver are real. */
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { signatureOf, webhooks } from "../../src/adapters/alerts/webhook.ts";
import { machineClock, machineTimers } from "../../src/adapters/time/machine-time.ts";
import { AlertNotice } from "../../src/contract/alerts.ts";
import { formRedactor } from "../../src/output/redact.ts";
import { deliveries, retryAfter } from "../../src/supervision/alerts/deliver.ts";
import type { HookRuns } from "../../src/supervision/alerts/hook.ts";
import type { StoredAlert } from "../../src/supervision/alerts/ports.ts";
import type { Setting } from "../../src/supervision/setting.ts";
import type { Store } from "../../src/supervision/store.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { newAgent, settlement, stopRecord, storeStage, task } from "../helpers/fault-store.ts";
import { recordingLog } from "../helpers/serving.ts";

const ALERT: Omit<StoredAlert, "id" | "clearedAt" | "raisedEvidence"> = {
  key: "cleanup_stuck:a",
  rule: "cleanup_stuck",
  severity: "critical",
  subject: { kind: "agent", id: "a" },
  since: 1,
  raisedAt: 2,
  evidence: "One cannot be released, with ghp_abcdefghijklmnopqrstuvwxyz0123456789.",
  nextStep: "Look.",
};

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A receiver on loopback that answers as it is told. */
async function receiver(port = 0) {
  const received: Received[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (status !== 0) response.writeHead(status).end();
    });
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    received,
    answer: (next: number) => (status = next),
    port: bound,
    url: `http://127.0.0.1:${bound}/alerts`,
  };
}

function stage(url: string, hook: readonly string[] = [], runs: Partial<HookRuns> = {}) {
  const all = storeStage();
  onTestFinished(() => all[Symbol.dispose]());
  const folder = mkdtempSync(join(tmpdir(), "hooks-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const secretPath = join(folder, "webhook.secret");
  const { log, logged } = recordingLog();
  const make = (store: Store) => {
    const setting = {
      clock: machineClock,
      timers: machineTimers,
      log,
      secrets: formRedactor(),
      store,
      webhooks: webhooks(secretPath, "1.2.3"),
      configuration: () => ({ alert_hook: hook, alert_hook_timeout_ms: 1_000, alert_webhook: url }),
    } as unknown as Setting;
    const made = deliveries(setting, { giveBack: async () => {}, run: async () => null, ...runs });
    onTestFinished(() => made.close());
    return made;
  };
  return { ...all, make, logged, secretPath };
}

function queue(store: Store, channel: "hook" | "webhook", most = 1_000, key = ALERT.key): number {
  const standing = store.standingAlerts().find((one) => one.key === key);
  const alert = standing ?? store.raiseAlert({ ...ALERT, key });
  return store.queueDelivery(
    { channel, state: "raised", alertId: alert.id, createdAt: machineClock.now() },
    most,
  );
}

describe("a webhook", () => {
  test("gets a notice that it can check, without secrets, and then no more", async () => {
    const to = await receiver();
    const here = stage(to.url);
    const store = here.open();
    queue(store, "webhook");
    here.make(store).start();
    await waitFor("the notice", () => store.countDeliveries() === 0 || undefined);
    expect(to.received).toHaveLength(1);
    const [{ body, headers } = { body: "", headers: {} }] = to.received;
    const notice = AlertNotice.parse(JSON.parse(body));
    expect(notice).toMatchObject({
      state: "raised",
      alert: { rule: "cleanup_stuck", severity: "critical" },
    });
    expect(body).not.toContain("ghp_");
    expect(headers["x-corral-delivery"]).toBe(String(notice.delivery));
    const secret = readFileSync(here.secretPath, "utf8").trim();
    expect(statSync(here.secretPath).mode & 0o777).toBe(0o600);
    expect(headers["x-corral-signature"]).toBe(
      signatureOf(secret, String(headers["x-corral-timestamp"]), body),
    );
  });

  test("that is down and comes up gets what was missed, under the same number, after a restart, too", async () => {
    const first = await receiver();
    const here = stage(first.url);
    const store = here.open();
    queue(store, "webhook");
    first.answer(503);
    const before = here.make(store);
    before.start();
    await waitFor("a failed try", () => first.received.length > 0 || undefined);
    await waitFor(
      "its record",
      () => here.logged.some(({ event }) => event === "alert.not_delivered") || undefined,
    );
    await before.close();
    expect(store.countDeliveries()).toBe(1);
    store.close();
    first.answer(204);
    const next = here.open();
    here.make(next).start();
    await waitFor("the notice", () => next.countDeliveries() === 0 || undefined);
    const numbers = new Set(
      first.received.map(({ body }) => AlertNotice.parse(JSON.parse(body)).delivery),
    );
    expect(numbers.size).toBe(1);
    expect(first.received.length).toBeGreaterThanOrEqual(2);
  });

  test("that was down until it was over hears of each as it was then", async () => {
    const to = await receiver();
    const here = stage(to.url);
    const store = here.open();
    queue(store, "webhook");
    const [{ id } = { id: 0 }] = store.standingAlerts();
    store.clearAlert(id, 9, "Everything is released.");
    const createdAt = machineClock.now();
    store.queueDelivery({ channel: "webhook", state: "cleared", alertId: id, createdAt }, 9);
    here.make(store).start();
    await waitFor("the notices", () => store.countDeliveries() === 0 || undefined);
    const told = to.received.map(({ body }) => AlertNotice.parse(JSON.parse(body)));
    expect(told).toMatchObject([
      {
        state: "raised",
        alert: { cleared_at: null, evidence: expect.stringMatching(/^One cannot/) },
      },
      { state: "cleared", alert: { evidence: "Everything is released." } },
    ]);
    expect(told[1]?.alert.cleared_at).not.toBeNull();
  });

  test("that takes the connection and never answers keeps no daemon from leaving", async () => {
    const to = await receiver();
    to.answer(0);
    const here = stage(to.url);
    const store = here.open();
    queue(store, "webhook");
    const made = here.make(store);
    made.start();
    await waitFor("the connection", () => to.received.length > 0 || undefined);
    await made.close();
    expect(store.countDeliveries()).toBe(1);
  });

  test("that is refused keeps no hook waiting", async () => {
    const ran: number[] = [];
    const here = stage("http://127.0.0.1:1/", ["hook"], {
      run: async (_argv, { delivery }) => {
        ran.push(delivery);
        return null;
      },
    });
    const store = here.open();
    queue(store, "webhook");
    queue(store, "hook");
    here.make(store).start();
    await waitFor("the hook", () => ran.length === 1 || undefined);
    expect(store.countDeliveries()).toBe(1);
  });
});

describe("the queue", () => {
  test("is bounded: the oldest are dropped", () => {
    const here = stage("");
    const store = here.open();
    const dropped = Array.from({ length: 8 }, (_, nth) => queue(store, "webhook", 5, `a${nth}`));
    expect(dropped.reduce((sum, one) => sum + one, 0)).toBe(3);
    expect(store.dueDeliveries(Number.MAX_SAFE_INTEGER, 99).map(({ id }) => id)).toEqual([
      4, 5, 6, 7, 8,
    ]);
  });

  test("has of one alert on one channel only the first due, so that none is cleared before it was raised", () => {
    const store = stage("").open();
    queue(store, "hook");
    queue(store, "webhook");
    const [{ id } = { id: 0 }] = store.standingAlerts();
    store.queueDelivery({ channel: "hook", state: "cleared", alertId: id, createdAt: 1 }, 9);
    const due = () => store.dueDeliveries(Number.MAX_SAFE_INTEGER, 9);
    expect(due().map(({ channel, state }) => [channel, state])).toEqual([
      ["hook", "raised"],
      ["webhook", "raised"],
    ]);
    const [first] = due();
    // The first of them was tried in vain: the other does not overtake it, and nobody wakes up for that.
    store.retryDelivery(first!.id, Number.MAX_SAFE_INTEGER - 1);
    store.endDelivery(due()[1]!.id);
    expect(store.nextDeliveryAt()).toBe(Number.MAX_SAFE_INTEGER - 1);
    store.endDelivery(first!.id);
    expect(due()).toMatchObject([{ channel: "hook", state: "cleared" }]);
    expect(store.nextDeliveryAt()).toBe(1);
  });

  test("waits longer after each failure, at most five minutes", () => {
    expect([0, 1, 2, 8, 9, 99].map(retryAfter)).toEqual([
      1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
    ]);
  });

  test("gives up what nobody took for a day", async () => {
    const here = stage("http://127.0.0.1:1/");
    const store = here.open();
    const { id } = store.raiseAlert(ALERT);
    const createdAt = machineClock.now() - 25 * 3_600_000;
    store.queueDelivery({ channel: "webhook", state: "raised", alertId: id, createdAt }, 9);
    const made = here.make(store);
    made.start();
    await waitFor("the end of it", () => store.countDeliveries() === 0 || undefined);
    expect(made.counts()).toEqual({ pending: 0, dropped: 1 });
  });
});

describe("alerts in the store", () => {
  test("stand once for each key, are kept when cleared, and outlive the daemon", () => {
    const here = stage("");
    const store = here.open();
    const { id } = store.raiseAlert(ALERT);
    expect(() => store.raiseAlert(ALERT)).toThrow();
    store.close();
    const next = here.open();
    expect(next.standingAlerts()).toMatchObject([{ id, key: ALERT.key, subject: ALERT.subject }]);
    next.clearAlert(id, 9, "Everything is released.");
    expect(next.standingAlerts()).toEqual([]);
    expect(next.clearedAlerts(5)).toMatchObject([
      { id, clearedAt: 9, evidence: "Everything is released." },
    ]);
    expect(next.raiseAlert(ALERT).id).toBeGreaterThan(id);
  });
});

describe("who was stopped, of what alerts ask the store", () => {
  test("is who has ended since then for one of these causes, or by the wall clock of a runner alone", () => {
    using all = storeStage();
    const store = all.open();
    store.addTask(task());
    const end = (id: string, over: object, stop?: Parameters<typeof stopRecord>[0]): void => {
      store.admitAgent(newAgent(id));
      if (stop !== undefined) store.recordStop(id, stopRecord(stop));
      store.settle(id, settlement({ status: "killed", ...over }));
    };
    end("limit", { endedAt: 5_000 }, { cause: "limit", reason: "Its output was too long." });
    end("kill", { endedAt: 5_000 }, { cause: "kill" });
    end("early", { endedAt: 3_999 }, { cause: "limit" });
    end("clock", { endedAt: 6_000, status: "timed_out", reason: "It ran out.\nIts stderr." });
    store.admitAgent(newAgent("live"));
    store.recordStop("live", stopRecord({ cause: "limit" }));
    const stopped = store.stoppedSince(4_000, ["limit", "budget"], 9);
    expect(stopped).toEqual([
      { id: "limit", why: "Its output was too long." },
      { id: "clock", why: "It ran out." },
    ]);
    expect(store.stoppedSince(4_000, ["limit"], 1).map(({ id }) => id)).toEqual(["clock"]);
    expect(store.tasksOfEnded(6_000)).toEqual(["T1"]);
    expect(store.tasksOfEnded(6_001)).toEqual([]);
  });
});
