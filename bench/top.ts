/**
 * What `corral top` costs with a thousand live agents: from a key, an event or a look to the bytes for the terminal.
 *
 *   node bench/top.ts [runs]
 *
 * Prints a Markdown table. Starts nothing and writes nothing: all of this is calculation.
 */
import { differences } from "../src/surface/cli/top/differences.ts";
import { frameOf } from "../src/surface/cli/top/frame.ts";
import { press } from "../src/surface/cli/top/keys.ts";
import { arranged } from "../src/surface/cli/top/layout.ts";
import type { TopState } from "../src/surface/cli/top/model.ts";
import { withAgents } from "../src/surface/cli/top/take.ts";
import { anAgent } from "../test/unit/cli/fake-ports.ts";
import { stateOf } from "../test/unit/cli/top/states.ts";
import { figuresOf, tableOf } from "./figures.ts";

const RUNS = Number(process.argv[2] ?? 300);
const AGENTS = 1_000;
const SIZE = { columns: 160, rows: 50 };
const at = "2026-01-01T00:05:00.000Z";

const agents = Array.from({ length: AGENTS }, (_, number) => ({
  ...anAgent(`worker-${String((number * 7_919) % AGENTS).padStart(4, "0")}-abcdef`),
  reported: { status: "working", message: `moved file ${number}`, progress: number % 100, at },
}));
const [one = anAgent("worker-0000-abcdef")] = agents;

let drawn: readonly string[] = [];
let bytes = 0;
function draw(state: TopState): TopState {
  const shown = arranged(state);
  const lines = frameOf(shown, true);
  bytes = Buffer.byteLength(differences(drawn, lines));
  drawn = lines;
  return shown;
}

/** Milliseconds of each step, and the bytes of each. */
function measured(step: (state: TopState, run: number) => TopState) {
  let state = draw({ ...stateOf(agents, SIZE), sort: { column: "age", isReversed: false } });
  const times: number[] = [];
  const sizes: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const begunAt = performance.now();
    state = draw(step(state, run));
    times.push(performance.now() - begunAt);
    sizes.push(bytes / 1_000);
  }
  return { times, sizes };
}

const key = measured((state) => press(state, { name: "down", text: "", ctrl: false }).state);
const event = measured((state, run) =>
  withAgents(state, [{ ...one, reported: { ...one.reported!, message: `report ${run}` } }]),
);
const order = measured((state) => press(state, { name: "s", text: "s", ctrl: false }).state);
const row = (what: string, unit: string, goal: string, sample: readonly number[]) => ({
  what,
  unit,
  goal,
  figures: figuresOf(sample),
});
process.stdout.write(
  `${tableOf([
    row("a key that moves the cursor → bytes", "ms", "≤ 16", key.times),
    row("the same, sent to the terminal", "kB", "–", key.sizes),
    row("an agent that is different → bytes", "ms", "≤ 16", event.times),
    row("another order → bytes", "ms", "≤ 50", order.times),
  ])}\n`,
);
