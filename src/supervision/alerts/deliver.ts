/**
 * Delivers notices of alerts to a hook and a webhook: one at a time to each, oldest first, each
 * until it is accepted or a day has passed. Nothing else ever waits for a receiver.
 *
 * A notice leaves the queue after it was accepted, so a daemon that dies in between delivers it
 * once more, under the same id.
 */
import type { AlertNotice, AlertsAnswer } from "../../contract/alerts.ts";
import { messageOf } from "../../kernel/fault.ts";
import { DAY_MS, type EpochMs, MINUTE_MS, SECOND_MS } from "../../kernel/units.ts";
import type { Delivery } from "./ports.ts";
import { alertView } from "./view.ts";
import type { HookRuns } from "./hook.ts";
import type { Setting } from "../setting.ts";

const RETRY_FIRST_MS = SECOND_MS;
const RETRY_MOST_MS = 5 * MINUTE_MS;
/** Older ones are nobody's news. */
const GIVE_UP_MS = DAY_MS;
const AT_ONCE = 50;
/** A receiver that has not answered for so long does not keep the daemon from leaving. */
const CLOSE_MS = 2 * SECOND_MS;

export interface Deliveries {
  start(): void;
  /** There is something new. */
  wake(): void;
  counts(): AlertsAnswer["deliveries"];
  /** Begins no further delivery, and waits a little for one that is under way. */
  close(): Promise<void>;
}

export function deliveries(setting: Setting, hooks: HookRuns): Deliveries {
  const { clock, configuration, log, secrets, store, timers, webhooks } = setting;
  let running: Promise<void> | null = null;
  let cancel = (): void => undefined;
  let dropped = 0;
  let [isStarted, isClosed] = [false, false];

  /** @returns null when it was accepted, else why not. */
  const deliver = async (delivery: Delivery): Promise<string | null> => {
    const alert = store.alert(delivery.alertId);
    if (alert === null) return null;
    const notice: AlertNotice = secrets.value({
      delivery: delivery.id,
      state: delivery.state,
      // In each try the same words, although it may be over meanwhile.
      alert: alertView(
        delivery.state === "raised"
          ? { ...alert, evidence: alert.raisedEvidence, clearedAt: null }
          : alert,
      ),
    });
    const {
      alert_hook: hook,
      alert_hook_timeout_ms: timeoutMs,
      alert_webhook: url,
    } = configuration();
    if (delivery.channel === "hook")
      return hook.length === 0 ? null : hooks.run(hook, notice, timeoutMs);
    return url === "" ? null : webhooks.post(url, delivery.id, JSON.stringify(notice));
  };

  const settle = (delivery: Delivery, failure: string | null): void => {
    const now = clock.now();
    const { alertId, attempts, channel, createdAt, id } = delivery;
    if (failure === null) return store.endDelivery(id);
    log.warn("alert.not_delivered", {
      alertId,
      channel,
      delivery: id,
      attempts: attempts + 1,
      cause: failure,
    });
    if (now - createdAt >= GIVE_UP_MS) {
      dropped += 1;
      store.endDelivery(id);
    } else store.retryDelivery(id, now + retryAfter(attempts));
  };

  /** The channels do not wait for each other. */
  const deliverDue = async (): Promise<void> => {
    const due = Map.groupBy(store.dueDeliveries(clock.now(), AT_ONCE), ({ channel }) => channel);
    await Promise.all([...due.values()].map((ofChannel) => inTurn(ofChannel)));
  };
  const inTurn = async (ofChannel: readonly Delivery[]): Promise<void> => {
    for (const delivery of ofChannel) {
      if (isClosed) return;
      const failure = await deliver(delivery).catch(messageOf);
      settle(delivery, failure);
      // The others of a receiver that is down wait for their own time.
      if (failure !== null) return;
    }
  };

  const arm = (at: EpochMs | null): void => {
    cancel();
    if (isClosed || at === null || !isStarted) return;
    cancel = timers.after(Math.max(0, at - clock.now()), turn);
  };
  const turn = (): void => {
    if (running !== null) return;
    running = deliverDue()
      .catch((error: unknown) => log.warn("alert.deliveries_failed", { cause: messageOf(error) }))
      .finally(() => {
        running = null;
        arm(later());
      });
  };
  /** One that failed at the store itself is not tried in a circle. */
  const later = (): EpochMs | null => {
    try {
      const next = store.nextDeliveryAt();
      return next === null ? null : Math.max(next, clock.now() + RETRY_FIRST_MS / 10);
    } catch {
      return clock.now() + RETRY_MOST_MS;
    }
  };

  return {
    start() {
      isStarted = true;
      hooks.giveBack().then(
        () => arm(later()),
        (error: unknown) => log.warn("hook.not_given_back", { cause: messageOf(error) }),
      );
    },
    wake: () => {
      if (running === null) arm(clock.now());
    },
    counts: () => ({ pending: store.countDeliveries(), dropped }),
    async close() {
      isClosed = true;
      cancel();
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancelWait = timers.after(CLOSE_MS, resolve);
      await Promise.race([running ?? Promise.resolve(), promise]);
      cancelWait();
      await hooks.giveBack();
    },
  };
}

/** How long after a failed try the next one comes. Milliseconds. @param attempts  Failed tries before. */
export function retryAfter(attempts: number): number {
  return Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 20));
}
