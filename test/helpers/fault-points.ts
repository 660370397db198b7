/**
 * Numbered failpoints around every port of a {@link Setting}: `port.method:n`, before and after
 * each call. A chosen one kills this very process with SIGKILL, throws what a system would
 * throw, or delays. They lie in tests only; production code knows nothing of them.
 */
import type { Setting } from "../../src/supervision/setting.ts";

export type When = "before" | "after";

/** Which call, and what happens there. */
export interface Injection {
  /** `"store.settle"`, `"files.remove"`, `"containment.kill"`, `"host.start"`, `"launchScripts.write"`. */
  readonly point: string;
  readonly when: When;
  /** The nth call since it was armed, from 1. */
  readonly nth: number;
  readonly act: "kill" | "throw" | "delay";
  /** What a `throw` throws. Default ENOSPC. */
  readonly errno?: "ENOSPC" | "EIO" | "EACCES";
  /** How many calls in a row throw. Default 1. */
  readonly times?: number;
  /** How long a `delay` blocks. Milliseconds. */
  readonly ms?: number;
}

/** One call that was passed, in the order in which calls began. */
export interface Passed {
  readonly point: string;
  /** The nth of this point since the record began. */
  readonly nth: number;
}

export interface Failpoints {
  /** Lays the points over every port of a setting. */
  wrap(setting: Setting): Setting;
  /** Counts from now, records from now, and acts at the chosen point; null only records. */
  arm(injection: Injection | null): void;
  /** From now on the setting's clock is so far ahead of the machine's. Milliseconds. */
  setAhead(ms: number): void;
  passed(): readonly Passed[];
  /** How often the armed injection has acted. */
  hits(): number;
}

type Method = (...args: unknown[]) => unknown;

export function failpoints(first: Injection | null): Failpoints {
  let armed = first;
  let counts = new Map<string, number>();
  let record: Passed[] = [];
  let hits = 0;
  let aheadMs = 0;

  const reach = (point: string, when: When, nth: number): void => {
    if (armed === null || armed.point !== point || armed.when !== when) return;
    if (nth < armed.nth || nth >= armed.nth + (armed.times ?? 1)) return;
    hits += 1;
    act(armed);
  };

  const wrapMethod = (point: string, target: object, method: Method): Method =>
    function passThrough(...args) {
      const nth = (counts.get(point) ?? 0) + 1;
      counts.set(point, nth);
      record.push({ point, nth });
      reach(point, "before", nth);
      const answer = method.apply(target, args);
      if (!(answer instanceof Promise)) {
        reach(point, "after", nth);
        return answer;
      }
      return answer.then((value: unknown) => {
        reach(point, "after", nth);
        return value;
      });
    };

  const wrapPort = <T extends object>(name: string, port: T): T => {
    const entries = Object.entries(port).map(([key, value]) => [
      key,
      typeof value === "function" ? wrapMethod(`${name}.${key}`, port, value as Method) : value,
    ]);
    return Object.fromEntries(entries) as T;
  };

  return {
    wrap(setting) {
      const hosts = {
        tmux: wrapPort("host", setting.hostOf("tmux")),
        process: wrapPort("host", setting.hostOf("process")),
      };
      return {
        ...setting,
        clock: { now: () => setting.clock.now() + aheadMs },
        store: wrapPort("store", setting.store),
        files: wrapPort("files", setting.files),
        inputs: wrapPort("inputs", setting.inputs),
        streams: wrapPort("streams", setting.streams),
        containment: wrapPort("containment", setting.containment),
        hooks: wrapPort("hooks", setting.hooks),
        webhooks: wrapPort("webhooks", setting.webhooks),
        launchScripts: wrapPort("launchScripts", setting.launchScripts),
        host: hosts[setting.host.kind],
        hostOf: (kind) => hosts[kind],
      };
    },
    arm(injection) {
      armed = injection;
      counts = new Map();
      record = [];
      hits = 0;
    },
    setAhead(ms) {
      aheadMs = ms;
    },
    passed: () => record,
    hits: () => hits,
  };
}

function act({ act: what, errno = "ENOSPC", ms = 0 }: Injection): void {
  switch (what) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "throw":
      throw Object.assign(new Error(`${errno}: injected`), { code: errno });
    case "delay":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }
}
