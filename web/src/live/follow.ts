/**
 * Keeps the store true: an overview, then the event stream after it, then whatever the events name.
 *
 * A page that nobody sees holds no connection (browsers allow six per host, for all tabs
 * together). When it is seen again, or the daemon comes back, the stream goes on after the last event
 * that was taken: none is lost and none comes twice.
 */
import type {
  AgentsAnswer,
  HealthAnswer,
  Machine,
  OverviewAnswer,
  TasksAnswer,
} from "../../../src/contract/api.ts";
import { get, keepProof, onProofChanged, opened, proof } from "./api.ts";
import { ApiFault } from "./fault.ts";
import { frames } from "./frames.ts";
import { pause, paced } from "./paced.ts";
import { type Link, type State, withAgents, withEvents, withOverview, withTasks } from "./state.ts";
import { change, current } from "./store.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 2_000;
/** A silent connection is dead: the daemon says something every 15 s. */
const SILENCE_MOST_MS = 40_000;
/** Agents that are asked for at once; with more to ask, an overview is less. */
const NAMED_MOST = 400;
/** Between two questions about the same thing, so that a storm of events costs little. */
const REST_MS = 60;
const TASKS_REST_MS = 500;
const MACHINE_MS = 5_000;
/** How long a hidden page stays connected. */
const HIDDEN_MS = 5_000;
const LONG_MS = 300_000;

let stop = new AbortController();

/** Begins following, and goes on for the life of the page. */
export function follow(): void {
  onProofChanged(restart);
  document.addEventListener("visibilitychange", onVisibility);
  setInterval(() => void lookAtMachine(), MACHINE_MS);
  restart();
}

/** After a login, and when another tab has logged in or out. */
export function restart(): void {
  stop.abort();
  stop = new AbortController();
  if (proof() === null) return setLink("signed_out");
  void run(stop.signal);
}

/** Forgets the session. */
export function signedOut(): void {
  stop.abort();
  keepProof(null);
  setLink("signed_out");
}

/** Goes over lost connections, daemon restarts and hidden times. */
async function run(signal: AbortSignal): Promise<void> {
  let retryMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      if (current().seq < 0) await takeOverview(signal);
      await readEvents(signal, () => {
        retryMs = RETRY_FIRST_MS;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiFault && error.isSignedOut) return signedOut();
    }
    if (signal.aborted) return;
    setLink("lost");
    await pause(retryMs);
    retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
  }
}

async function takeOverview(signal: AbortSignal): Promise<void> {
  const answer = await get<OverviewAnswer>("/api/overview", signal);
  change((state) => withOverview(state, answer));
}

async function readEvents(signal: AbortSignal, onOpen: () => void): Promise<void> {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  const response = await opened(`/api/events?after=${current().seq}&samples=1`, both);
  onOpen();
  setLink("live");
  const read = frames();
  const text = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MOST_MS);
    const { done, value } = await text.read().finally(() => clearTimeout(timer));
    if (done) return;
    take(read.push(value));
  }
}

function take(events: ReturnType<ReturnType<typeof frames>["push"]>): void {
  const { state, changed } = withEvents(current(), events);
  change(() => state);
  if (changed.all) refreshAll();
  for (const id of changed.agents) wanted.add(id);
  if (wanted.size > 0) refreshAgents();
  if (changed.tasks) refreshTasks();
  if (changed.health) refreshHealth();
}

const wanted = new Set<string>();

const again = (error: unknown): boolean => {
  if (error instanceof ApiFault && error.isSignedOut) signedOut();
  return current().link === "live" && !stop.signal.aborted;
};

const refreshAll = paced(
  REST_MS,
  async () => {
    wanted.clear();
    await takeOverview(stop.signal);
  },
  again,
);

const refreshAgents = paced(
  REST_MS,
  async () => {
    if (wanted.size === 0) return;
    if (wanted.size > NAMED_MOST) return refreshAll();
    const ids = [...wanted];
    wanted.clear();
    try {
      const { agents } = await get<AgentsAnswer>(
        `/api/agents?ids=${ids.map(encodeURIComponent).join(",")}`,
        stop.signal,
      );
      change((state) => withAgents(state, agents));
    } catch (error) {
      for (const id of ids) wanted.add(id);
      throw error;
    }
  },
  again,
);

const refreshTasks = paced(
  TASKS_REST_MS,
  async () => {
    const { tasks } = await get<TasksAnswer>("/api/tasks?status=all&limit=200", stop.signal);
    change((state) => withTasks(state, tasks));
  },
  again,
);

const refreshHealth = paced(
  REST_MS,
  async () => {
    const health = await get<HealthAnswer>("/api/health", stop.signal);
    change((state) => ({ ...state, health }));
  },
  again,
);

async function lookAtMachine(): Promise<void> {
  if (document.hidden || current().link !== "live") return;
  refreshHealth();
  const machine = await get<Machine>("/api/machine", stop.signal).catch(() => undefined);
  if (machine !== undefined) change((state) => ({ ...state, machine }));
}

let hiding: ReturnType<typeof setTimeout> | undefined;
let hiddenAt = 0;

function onVisibility(): void {
  clearTimeout(hiding);
  if (document.hidden) {
    hiddenAt = Date.now();
    hiding = setTimeout(() => stop.abort(), HIDDEN_MS);
  } else if (stop.signal.aborted) {
    // After a long time an overview is less than all that has happened.
    if (Date.now() - hiddenAt > LONG_MS) change((state) => ({ ...state, seq: -1 }));
    restart();
  }
}

function setLink(link: Link): void {
  change((state: State) => (state.link === link ? state : { ...state, link }));
}
