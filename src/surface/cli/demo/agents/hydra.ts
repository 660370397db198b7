/**
 * Leaves processes where ordinary clean-up does not look: each in a session of its own, forked
 * twice so that its parent is init, with an empty environment, deaf to TERM, INT and HUP.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { introduceSelf, say } from "./self.ts";

const HEADS = 3;
/** Two loops outlive the shell that started them; one holds a file of the repository open. */
const HEAD = `trap "" TERM INT HUP
exec 9<README.md
cd /
(while :; do sleep 5; done) &
exec 9<&-
(while :; do sleep 5; done) &
exit 0`;

for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(name, () => say(`${name}: no.`));
}
const self = await introduceSelf();
for (let head = 0; head < HEADS; head += 1) {
  spawn("env", ["-i", "PATH=/usr/bin:/bin", "sh", "-c", HEAD], {
    detached: true,
    stdio: "ignore",
  }).unref();
}
await self.report(
  "working",
  50,
  `Left ${2 * HEADS} processes in ${HEADS} sessions of their own, and I do not leave either.`,
);
// Far longer than the demo lasts, and not for ever.
await sleep(600_000);
