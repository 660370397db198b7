import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { SECOND_MS } from "../../../kernel/units.ts";
import { secondsOf } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { resolveTask } from "../resolve.ts";
import { COLUMN_NAMES } from "../top/columns.ts";
import type { ColumnName } from "../top/columns.ts";
import { lookAtAll } from "../top/ask.ts";
import { plainTable } from "../top/plain-table.ts";
import { begin, withLook } from "../top/take.ts";
import type { TopState } from "../top/model.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** Between two looks, unless asked otherwise. */
const INTERVAL_S = 2;
/** Less would be a load of its own. */
const INTERVAL_LEAST_S = 0.5;

/** `corral top`: every agent on one screen, as it goes. */
export const top: Verb = {
  define(command, bind) {
    command
      .option("--task <id>", "only agents of this task")
      .option(
        "--sort <column>",
        `begin with this order: ${COLUMN_NAMES.join(", ")}`,
        columnOf,
        "cpu",
      )
      .option("-a, --all", "begin with agents that have ended, too")
      .option("--interval <seconds>", "between two looks", intervalOf, INTERVAL_S)
      .option("--once", "print one table and end, also on a terminal");
    example(command, "corral top --sort memory");
    bind(command, run);
  },
};

interface TopOptions {
  readonly task?: string;
  readonly sort: ColumnName;
  readonly all?: boolean;
  readonly interval: number;
  readonly once?: boolean;
}

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal, now, sleep } = ports;
  const options = command.opts<TopOptions>();
  const client = await ports.client();
  const taskId = options.task === undefined ? null : await resolveTask(client, options.task);
  const screen = await ports.openScreen();
  const first = begin({
    overview: await client.overview(),
    size: screen?.size() ?? { columns: terminal.columns, rows: Number.POSITIVE_INFINITY },
    now: now(),
    taskId,
    sort: options.sort,
    shown: options.all === true ? "all" : "live",
  });
  const intervalMs = options.interval * SECOND_MS;
  const json = wantsJson(command);
  const isOnce = options.once === true || json || !terminal.isTty;
  const look = async (state: TopState): Promise<TopState> =>
    withLook(state, await lookAtAll(client, now));
  if (screen !== null && !isOnce) {
    // Only whoever looks at the whole screen pays for what draws it.
    const { runTop } = await import("../top/run-top.ts");
    const { colour } = terminal;
    return await runTop({ ...ports, client, screen, colour, intervalMs }, first);
  }
  // A processor's share takes two looks.
  let state = await look(first);
  for (let looks = 0; ; looks += 1) {
    await sleep(isOnce ? FIRST_LOOK_MS : intervalMs);
    state = await look(state);
    if (json) terminal.line(jsonText(jsonOf(state)));
    else for (const line of plainTable(state, terminal)) terminal.line(line);
    if (isOnce) break;
    if (looks === 0)
      terminal.note(
        `This terminal cannot place a cursor: a table every ${options.interval} s. Ctrl-C ends it.`,
      );
  }
  return EXIT.ok;
}

const FIRST_LOOK_MS = 500;

function jsonOf({ agents, use, machine, health }: TopState): unknown {
  const used = Array.from(use, ([agentId, { sample, listens }]) => ({
    agent_id: agentId,
    sample,
    listens,
  }));
  return { health, machine, agents: [...agents.values()], use: used };
}

function columnOf(text: string): ColumnName {
  const found = COLUMN_NAMES.find((name) => name === text);
  if (found === undefined)
    throw new InvalidArgumentError(`must be one of ${COLUMN_NAMES.join(", ")}.`);
  return found;
}

function intervalOf(text: string): number {
  const seconds = secondsOf(text);
  if (seconds < INTERVAL_LEAST_S)
    throw new InvalidArgumentError(`must be ${INTERVAL_LEAST_S} or more.`);
  return seconds;
}
