/**
 * The real daemon with failpoints around its ports: a composition root for tests.
 *
 *   CORRAL_FAULT='{"point":"store.settle","when":"after","nth":1,"act":"kill"}'   armed from the start
 *   message {"arm": Injection | null}   arms anew; answered with {"armed": true}
 *   message {"runner": string[]}        puts these words before each runner's shell; answered likewise
 *   message {"ahead": ms}               sets its clock ahead; answered likewise
 *   message {"tell": true}              answered with {"passed": Passed[], "hits": number}
 *   at its end it tells                 {"left": Passed[]}
 */
import { runDaemon } from "../../src/bin/daemon.ts";
import { statePaths } from "../../src/surface/cli/state-paths.ts";
import { failpoints, type Injection } from "./fault-points.ts";
import { layOverSpawn, putBeforeRunners } from "./runner-words.ts";

export interface Order {
  readonly arm?: Injection | null;
  readonly ahead?: number;
  readonly tell?: boolean;
  readonly runner?: readonly string[];
}

const first = process.env["CORRAL_FAULT"];
const points = failpoints(first === undefined ? null : (JSON.parse(first) as Injection));

// Whoever started it is gone: a test that was cut off must not leave a daemon and its agents.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
layOverSpawn();
process.on("message", (order: Order) => {
  if (order.runner !== undefined) {
    putBeforeRunners(order.runner);
    process.send?.({ armed: true });
  }
  if (order.arm !== undefined) {
    points.arm(order.arm);
    process.send?.({ armed: true });
  }
  if (order.ahead !== undefined) {
    points.setAhead(order.ahead);
    process.send?.({ armed: true });
  }
  if (order.tell === true) process.send?.({ passed: points.passed(), hits: points.hits() });
});

const code = await runDaemon(statePaths(process.env), process.env, (setting) =>
  points.wrap(setting),
);
// Who has left cannot be asked any more.
process.send?.({ left: points.passed() }, () => process.exit(code));
