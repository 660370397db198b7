/** What a page shows first: one moment, whole, with the event from which it may follow on. */
import type { ConfigurationAnswer, HealthAnswer, OverviewAnswer } from "../contract/api.ts";
import type { EventKind } from "../contract/events.ts";
import { SETTINGS, type SettingName, variableOf } from "./configuration.ts";
import { listTasks } from "./history-tools.ts";
import type { Setting } from "./setting.ts";
import { agentViews } from "./views.ts";

/** So many of the newest agents are shown, besides all that live or hold something. */
const NEWEST_MOST = 1_000;
const TASKS_MOST = 200;
const EVENTS_MOST = 100;
const ALERTS_MOST = 50;
const ALERT_KINDS: readonly EventKind[] = ["alert", "agent.stuck", "stray.released"];

/** Nothing here waits, so the parts are of one moment: an event is in them or comes after `seq`. */
export function overview(setting: Setting, health: HealthAnswer): OverviewAnswer {
  const { store } = setting;
  const newest = store.agentsBy({ all: true, limit: NEWEST_MOST });
  const shown = new Set(newest.agents.map(({ id }) => id));
  const older = store.unfinishedAgents().filter(({ id }) => !shown.has(id));
  return {
    seq: store.lastEventSeq(),
    health,
    machine: setting.lookAtMachine(),
    tasks: listTasks(store, { status: "all", limit: TASKS_MOST }).tasks,
    agents: [...agentViews(store, [...older, ...newest.agents])],
    agents_left_out: newest.leftOut - older.length,
    events: [...store.latestEvents(EVENTS_MOST)],
    alerts: [...store.latestEvents(ALERTS_MOST, ALERT_KINDS)],
  };
}

/** Every setting with its value, what would hold without it, and who has set it. */
export function configurationView(setting: Setting): ConfigurationAnswer {
  const configuration = setting.configuration();
  const sources = setting.sources();
  const file = setting.places.named.find(({ name }) => name === "configuration")?.path ?? "";
  return {
    file,
    settings: (Object.keys(SETTINGS) as SettingName[]).map((name) => ({
      name,
      variable: variableOf(name),
      about: SETTINGS[name].about,
      value: configuration[name],
      fallback: SETTINGS[name].fallback,
      source: sources[name],
    })),
  };
}
