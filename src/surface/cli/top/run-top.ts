/**
 * `corral top` in the world: reads keys, events, looks and output, and draws what became different.
 *
 * One event stream, read by sequence number over lost connections and daemon restarts; what events
 * name is asked for; a look at what lives every so often for all that makes no event. Every part ends with
 * one signal, and the terminal is given back on every way out.
 */
import type { AgentView } from "../../../contract/agent.ts";
import type { ApiClient } from "../../../contract/client.ts";
import { asFault } from "../../../kernel/fault.ts";
import type { Fault } from "../../../kernel/fault.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts, FullScreen } from "../ports.ts";
import { receiptTable } from "../views.ts";
import { isGone, lookAtAll } from "./ask.ts";
import { differences } from "./differences.ts";
import { followOutput } from "./follow-output.ts";
import { frameOf } from "./frame.ts";
import { press, settled, withPage } from "./keys.ts";
import type { Effect } from "./keys.ts";
import { arranged } from "./layout.ts";
import type { Notice, TopState } from "./model.ts";
import { withAgents, withEvents, withLook } from "./take.ts";
import { plain } from "./width.ts";

export interface TopPorts extends Pick<CliPorts, "now" | "sleep" | "pretty"> {
  readonly client: ApiClient;
  readonly screen: FullScreen;
  readonly colour: boolean;
  /** Between two looks at what lives, milliseconds. */
  readonly intervalMs: number;
}

/** Between two drawings; a storm of reasons is one. */
const DRAW_MS = 40;
/** Between two questions about what events named. */
const NAMED_REST_MS = 100;
const NAMED_MOST = 400;
const CLOCK_MS = 1_000;
/** Between two questions about what wants a look; an event of an alert asks at once. */
const ALERTS_MS = 15_000;

/**
 * Shows it until somebody quits, or the terminal or the process is to end.
 * @returns the exit code: 0 after a quit, 128 and the signal's number otherwise.
 */
export async function runTop(ports: TopPorts, first: TopState): Promise<number> {
  const { client, screen, now, sleep, colour } = ports;
  const over = new AbortController();
  const { signal } = over;
  const rest = (ms: number): Promise<void> => sleep(ms, signal);
  let state = settled(first);
  let exit: number = EXIT.ok;
  let drawn: readonly string[] | null = null;
  let isDrawing = false;
  let following = new AbortController();
  const named = new Set<string>();
  const quit = Promise.withResolvers<void>();
  let askAlerts = Promise.withResolvers<void>();
  let askNamed = Promise.withResolvers<void>();

  function change(step: (before: TopState) => TopState): void {
    const next = settled(step(state));
    const isOther = next.output.agentId !== state.output.agentId;
    state = next;
    if (isOther) followChosen();
    void drawSoon();
  }

  async function drawSoon(): Promise<void> {
    if (isDrawing) return;
    isDrawing = true;
    await rest(DRAW_MS);
    isDrawing = false;
    if (!signal.aborted) draw();
  }

  function draw(): void {
    state = arranged(state);
    const lines = frameOf(state, colour);
    const text = differences(drawn, lines);
    drawn = lines;
    if (text !== "") screen.write(text);
  }

  function finish(code: number): void {
    exit = code;
    over.abort();
    following.abort();
    askNamed.resolve();
    quit.resolve();
  }

  function followChosen(): void {
    following.abort();
    following = new AbortController();
    const agent = state.agents.get(state.output.agentId ?? "");
    if (agent === undefined) return;
    const { signal: stop } = following;
    void followOutput({ ...ports, agent, signal: stop, change }).catch(fail);
  }

  /** A failure that is no answer of the daemon's is a bug, and ends the view: it must not be hidden. */
  function fail(thrown: unknown): void {
    if (signal.aborted) return;
    failure ??= { thrown };
    finish(EXIT.bug);
  }
  let failure: { readonly thrown: unknown } | undefined;

  function onKey(key: Parameters<typeof press>[1]): void {
    const { state: next, effect } = press(state, key);
    change(() => next);
    if (effect !== null) perform(effect);
  }

  function perform(effect: Effect): void {
    if (effect.do === "quit") finish(EXIT.ok);
    else if (effect.do === "suspend") screen.suspend();
    else if (effect.do === "redraw") redraw();
    else if (effect.do === "message") void sendMessage(effect.agent, effect.text).catch(fail);
    else if (effect.do === "stop") void stopAgent(effect.agent).catch(fail);
  }

  function redraw(): void {
    drawn = null;
    change((before) => ({ ...before, size: screen.size() }));
  }

  async function stopAgent(agent: AgentView): Promise<void> {
    const { agent_id: id, task_id } = agent;
    const input = { task_id, agent_id: id, reason: "Stopped from corral top" };
    try {
      const { status, receipt } = await client.tool("kill_real_agent", input);
      const lines = receiptTable(receipt, { colour: false, columns: Number.POSITIVE_INFINITY });
      const title = `${id} is ${status}, ${receipt.cleanup.state}`;
      change((before) => without(withPage(before, title, lines.map(plain)), id));
    } catch (thrown) {
      const fault = asFault(thrown);
      change((before) => without({ ...before, notice: noticeOf(fault) }, id));
    }
  }

  async function sendMessage({ agent_id, task_id }: AgentView, text: string): Promise<void> {
    try {
      const { message } = await client.tool("send_agent_message", { task_id, agent_id, text });
      const waits = message.waits_for === null ? "" : `; waits for ${message.waits_for}`;
      const words = `Message to ${agent_id}: ${message.state}${waits}`;
      change((before) => ({ ...before, notice: { text: words, tone: "good" } }));
    } catch (thrown) {
      change((before) => ({ ...before, notice: noticeOf(asFault(thrown)) }));
    }
  }

  async function takeEvents(): Promise<void> {
    for await (const event of client.events(state.seq, signal, { looksOn: true })) {
      const { state: next, named: ids, isGap } = withEvents(state, [event]);
      change(() => next);
      if (event.kind === "alert") askAlerts.resolve();
      for (const id of isGap ? state.agents.keys() : ids) named.add(id);
      askNamed.resolve();
    }
  }

  async function takeNamed(): Promise<void> {
    while (!signal.aborted) {
      await askNamed.promise;
      askNamed = Promise.withResolvers();
      const ids = [...named].slice(0, NAMED_MOST);
      for (const id of ids) named.delete(id);
      if (ids.length > 0 && !signal.aborted) {
        const answer = await patiently(() => client.agents({ ids }));
        if (answer !== null) change((before) => withAgents(before, answer.agents, now()));
        await rest(NAMED_REST_MS);
      }
      if (named.size > 0) askNamed.resolve();
    }
  }

  async function takeLooks(): Promise<void> {
    while (!signal.aborted) {
      const begunAt = now();
      const look = await patiently(() => lookAtAll(client, now));
      if (look !== null) {
        change((before) => withLook(before, look));
        nameMissing(look.agents);
      }
      // However much there is to look at, looking takes at most a fifth of the daemon's time.
      await rest(Math.max(ports.intervalMs, (now() - begunAt) * 4));
    }
  }

  async function takeAlerts(): Promise<void> {
    while (!signal.aborted) {
      const told = await patiently(() => client.alerts());
      if (told !== null) change((before) => ({ ...before, alerts: told.standing }));
      await Promise.race([rest(ALERTS_MS), askAlerts.promise]);
      askAlerts = Promise.withResolvers();
    }
  }

  /** What we take for living and the look has not is over, or was forgotten. */
  function nameMissing(agents: readonly AgentView[]): void {
    const seen = new Set(agents.map(({ agent_id: id }) => id));
    for (const agent of state.agents.values()) {
      const { agent_id: id, ended_at: endedAt, cleanup } = agent;
      if (!seen.has(id) && (endedAt === null || cleanup.held > 0)) named.add(id);
    }
    if (named.size > 0) askNamed.resolve();
  }

  /** An answer; null, and told, when the daemon gave none. */
  async function patiently<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (thrown) {
      const fault = asFault(thrown);
      if (signal.aborted) return null;
      if (isGone(fault)) change((before) => ({ ...before, link: "lost" }));
      else change((before) => ({ ...before, notice: noticeOf(fault) }));
      return null;
    }
  }

  async function tick(): Promise<void> {
    while (!signal.aborted) {
      await rest(CLOCK_MS);
      change((before) => ({ ...before, now: now() }));
    }
  }

  screen.open({ onKey, onResize: redraw, onEnd: finish });
  try {
    draw();
    // What is still asked when somebody quits is answered to nobody.
    const parts = Promise.all(
      [takeEvents, takeNamed, takeLooks, takeAlerts, tick].map((part) => part().catch(fail)),
    );
    await Promise.race([parts, quit.promise]);
  } finally {
    over.abort();
    following.abort();
    screen.close();
  }
  if (failure !== undefined) throw failure.thrown;
  return exit;
}

function noticeOf({ code, message, hint }: Fault): Notice {
  return { text: `${code}: ${message} ${hint}`, tone: "bad" };
}

function without(state: TopState, id: string): TopState {
  return { ...state, stopping: new Set([...state.stopping].filter((one) => one !== id)) };
}
