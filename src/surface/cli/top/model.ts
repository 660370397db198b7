/** What `corral top` knows and shows. Values only; what changes them is beside it. */
import type { AgentView } from "../../../contract/agent.ts";
import type { AlertView } from "../../../contract/alerts.ts";
import type { HealthAnswer, Machine } from "../../../contract/api.ts";
import type { PortView, SampleView } from "../../../contract/sampling.ts";
import type { Tone } from "../paint.ts";
import type { ColumnName } from "./columns.ts";

/** What an agent used at the last look. */
export interface Use {
  readonly sample: SampleView;
  readonly listens: readonly PortView[];
}

/** The output of the chosen agent, as far as it was read. */
export interface Output {
  /** Whose it is; null while none is read. */
  readonly agentId: string | null;
  /** The last lines, plain text, oldest first. */
  readonly lines: readonly string[];
  /** True when nothing more will come. */
  readonly isEnd: boolean;
}

/** What the keys do just now. */
export type Mode =
  | { readonly kind: "table" }
  /** The filter is being typed. */
  | { readonly kind: "filter" }
  /** Asks before an agent is stopped. */
  | { readonly kind: "stop"; readonly agentId: string }
  /** A message is being typed. */
  | { readonly kind: "message"; readonly agentId: string; readonly text: string }
  /** Lines to read: a receipt, or the help. */
  | {
      readonly kind: "page";
      readonly title: string;
      readonly lines: readonly string[];
      readonly from: number;
    };

export interface Notice {
  readonly text: string;
  readonly tone: Tone | null;
}

export type Shown = "live" | "all";

export interface TopState {
  readonly size: { readonly columns: number; readonly rows: number };
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** The last event that is in here. */
  readonly seq: number;
  readonly link: "live" | "lost";
  readonly health: HealthAnswer;
  readonly machine: Machine;
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly use: ReadonlyMap<string, Use>;
  /** What wants a look now, the newest last. */
  readonly alerts: readonly AlertView[];
  /** Only agents of this task; null is of all. */
  readonly taskId: string | null;
  readonly sort: { readonly column: ColumnName; readonly isReversed: boolean };
  readonly shown: Shown;
  readonly filter: string;
  /** The agent that the cursor is on; null when none is shown. */
  readonly chosen: string | null;
  /** First row of the table in sight. */
  readonly from: number;
  readonly pane: "details" | "output" | null;
  /** True when arrows move the pane and not the table. */
  readonly isPaneFocused: boolean;
  /** Rows of the output below those in sight; 0 follows it. */
  readonly behind: number;
  readonly output: Output;
  readonly mode: Mode;
  readonly notice: Notice | null;
  /** Agents whose stop was asked for and is not answered. */
  readonly stopping: ReadonlySet<string>;
}

export const NO_OUTPUT: Output = { agentId: null, lines: [], isEnd: false };
