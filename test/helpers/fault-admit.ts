/**
 * Admits agents from a process of its own: node fault-admit.ts DATABASE PREFIX COUNT.
 * Prints how many were admitted and how many were refused with LIMIT_REACHED, as JSON.
 */
import { openStore } from "../../src/adapters/sqlite/store.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { newAgent } from "./fault-store.ts";

const [, , path = "", prefix = "", count = "0"] = process.argv;
const clock = { now: () => 1_000 };
const store = openStore(path, clock, { hex: (bytes) => "0".repeat(2 * bytes) });
const slots: number[] = [];
let refused = 0;
for (let number = 0; number < Number(count); number += 1) {
  try {
    slots.push(store.admitAgent(newAgent(`${prefix}${number}`)).agent.slot);
  } catch (error) {
    if (!(error instanceof Fault && error.code === "LIMIT_REACHED")) throw error;
    refused += 1;
  }
}
store.close();
process.stdout.write(JSON.stringify({ slots, refused }));
