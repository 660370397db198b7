/**
 * Runs the user's hook for one notice, contained like everything that we start: its row first,
 * then its set, then the program; whatever it has left is ended, and seen gone, before the next.
 */
import type { AlertNotice } from "../../contract/alerts.ts";
import { Fault } from "../../kernel/fault.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import type { Undos } from "../../ledger/ports.ts";
import { releaseAll } from "../../ledger/release.ts";
import { HOOK_OWNER, isHeld } from "../../ledger/resource.ts";
import type { ProcessSet } from "../ports.ts";
import type { Setting } from "../setting.ts";

/** The mark of hooks: the last slot, which no agent gets. */
const HOOK_SLOT = 189_999;
const HOOK_PROCESSES = 64;
const KILL_MS = 2 * SECOND_MS;
const OUTPUT_SHOWN = 300;

export interface HookRuns {
  /** Runs it to its end, or for its time. @returns null when it ended with 0, else why that is no success. */
  run(argv: readonly string[], notice: AlertNotice, timeoutMs: number): Promise<string | null>;
  /** Ends what a hook left, of this daemon or an earlier one, and crosses its row out. @throws {Fault} PROBE_FAILED. */
  giveBack(): Promise<void>;
}

export function hookRuns(setting: Setting, undos: Undos): HookRuns {
  const { containment, hooks, store } = setting;
  const giveBack = async (): Promise<void> => {
    const rows = store.resourcesOf(HOOK_OWNER).filter(isHeld);
    if (rows.length === 0) return;
    for (const { identity } of rows) await containment.kill(identity as ProcessSet, KILL_MS);
    const { stuck } = await releaseAll(HOOK_OWNER, store, undos);
    if (stuck.length === 0) return;
    throw new Fault("PROBE_FAILED", `The last hook is not given back: ${stuck[0]?.error}.`, {
      hint: 'It is tried again by itself; "corral sweep --apply" tries at once.',
    });
  };
  return {
    giveBack,
    async run(argv, notice, timeoutMs) {
      // Its own number is its proof: while something of the last one lives, no other begins.
      await giveBack();
      const set = containment.plan(HOOK_OWNER, HOOK_SLOT);
      const [row] = store.intend(HOOK_OWNER, [
        { kind: "process_set", locator: "alert hook", identity: set },
      ]);
      try {
        await containment.make(set, { processes: HOOK_PROCESSES });
        if (row !== undefined) store.confirmResource(row.id, null);
        const end = await hooks.run({
          argv,
          input: `${JSON.stringify(notice)}\n`,
          variables: variablesOf(notice),
          set,
          timeoutMs,
        });
        if (end.timedOut) return `it had not ended after ${timeoutMs} ms, and was ended`;
        if (end.exitCode === 0) return null;
        const how =
          end.exitCode === null
            ? "it was ended by a signal or did not start"
            : `it exited with ${end.exitCode}`;
        return `${how}: ${setting.secrets.text(end.output).slice(0, OUTPUT_SHOWN)}`;
      } finally {
        await giveBack();
      }
    },
  };
}

/** For hooks that read no JSON. */
function variablesOf({ alert, delivery, state }: AlertNotice): Readonly<Record<string, string>> {
  return {
    CORRAL_ALERT_DELIVERY: String(delivery),
    CORRAL_ALERT_STATE: state,
    CORRAL_ALERT_RULE: alert.rule,
    CORRAL_ALERT_SEVERITY: alert.severity,
    CORRAL_ALERT_SUBJECT: alert.subject.id,
    CORRAL_ALERT_EVIDENCE: alert.evidence.replaceAll("\0", ""),
  };
}
