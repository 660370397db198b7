/** The machine's clock, timers and randomness behind their ports. */
import { randomBytes } from "node:crypto";
import type { Chance, Clock } from "../../kernel/ports.ts";
import type { Timers } from "../../supervision/setting.ts";

/** Longest delay that setTimeout takes; a longer one fires early, and level-driven callers look again. */
const DELAY_MOST_MS = 2 ** 31 - 1;

export const machineClock: Clock = { now: () => Date.now() };

export const machineChance: Chance = { hex: (bytes) => randomBytes(bytes).toString("hex") };

export const machineTimers: Timers = {
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, DELAY_MOST_MS));
    return () => clearTimeout(timer);
  },
};
