/** The two stops, which differ in what becomes of the agents. */
import type { LeaveAnswer } from "../../../contract/api.ts";
import { counted } from "../../../kernel/units.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { jsonText } from "../verb.ts";
import { summarise } from "../views.ts";
import { isNoDaemon } from "./offline.ts";

/**
 * Asks the daemon to leave and waits until its process is gone. To end what a dead daemon has left,
 * another one is started: agents outlive their daemon, and whoever says "down" wants none of them.
 *
 * @returns 0; 6 when something is stuck or the process is still there. No daemon, and nothing held, counts as done.
 */
export async function leave(
  ports: CliPorts,
  mode: "end" | "detach",
  json: boolean,
): Promise<number> {
  const { terminal } = ports;
  const pid = (await runningPid(ports)) ?? (mode === "end" ? await startedForRest(ports) : null);
  if (pid === null) {
    terminal.line(json ? jsonText({ running: false }) : "No daemon is running here.");
    return EXIT.ok;
  }
  const answer = await (await ports.client()).leave({ mode });
  const gone = await ports.daemonGone(pid);
  const summary = summarise(answer.receipts);
  if (json) terminal.line(jsonText({ running: !gone, ...answer, stuck: summary.stuck }));
  else print(ports, answer, pid, gone);
  return gone && summary.stuck.length === 0 ? EXIT.ok : EXIT.unavailable;
}

async function runningPid(ports: CliPorts): Promise<number | null> {
  try {
    return (await (await ports.client()).health()).pid;
  } catch (thrown) {
    if (isNoDaemon(thrown)) return null;
    throw thrown;
  }
}

/** A daemon for what another one has left; null where nothing is. */
async function startedForRest({
  ensureDaemon,
  offline,
  terminal,
}: CliPorts): Promise<number | null> {
  const { rows } = await offline.ledger();
  if (rows.every(({ state }) => state === "retained")) return null;
  terminal.note(
    "No daemon is running here, and what one has left is still held: one is started to give it back.",
  );
  return (await ensureDaemon()).health.pid;
}

function print({ terminal }: CliPorts, answer: LeaveAnswer, pid: number, gone: boolean): void {
  const { released, retained, stuck } = summarise(answer.receipts);
  terminal.line(
    answer.mode === "end"
      ? `Ended ${counted(answer.agents_ended, "agent")}; ${counted(released, "resource")} released, ${retained} kept as archive.`
      : `Left; ${counted(answer.agents_kept, "agent")} kept without the daemon. "corral up" takes them over again.`,
  );
  for (const line of stuck) terminal.line(`stuck  ${line}`);
  if (stuck.length > 0) terminal.note('Next: run "corral sweep --apply" to try these again.');
  terminal.line(
    gone ? `The daemon (pid ${pid}) is gone.` : `The daemon (pid ${pid}) is still there.`,
  );
}
