/** What agents use, sample by sample: now, over the last days, and process by process. */
import { z } from "zod";

/**
 * What is measured. A name ends in its unit; without one it is a count. `cpu_ms_per_s` of 1 000 is
 * one core. `tokens` and `cost_microusd` are totals so far, as the agent's CLI tells them.
 */
export const SERIES = [
  "processes",
  "threads",
  "fds",
  "sockets",
  "ports",
  "memory_bytes",
  "pss_bytes",
  "cpu_ms_per_s",
  "io_read_bytes_per_s",
  "io_write_bytes_per_s",
  "disk_bytes",
  "output_bytes_per_s",
  "tokens",
  "cost_microusd",
] as const;
export type SeriesName = (typeof SERIES)[number];

/** Null: not known, or not looked at this time. */
const value = z.int().nullable();

/** One look at what somebody uses, with the rates since the look before. */
export const SampleView = z.object({
  processes: value,
  threads: value.describe("a control group's count where there is one"),
  fds: value.describe("open files; looked at more seldom than the rest"),
  sockets: value.describe("of the open files; looked at as seldom"),
  ports: value.describe("that its processes listen on"),
  memory_bytes: value.describe(
    "a control group's count where there is one, else resident pages, in which shared ones count for each process",
  ),
  pss_bytes: value.describe("shared pages in parts; only of an agent that is being watched"),
  cpu_ms_per_s: value.describe("processor time; 1000 is one core"),
  io_read_bytes_per_s: value.describe("from disks"),
  io_write_bytes_per_s: value.describe("to disks"),
  disk_bytes: value.describe("what its files take"),
  output_bytes_per_s: value.describe("what it prints"),
  tokens: value.describe("into and out of its model so far, as its CLI tells"),
  cost_microusd: value.describe("millionths of a US dollar so far, as its CLI tells"),
}) satisfies z.ZodType<Record<SeriesName, number | null>>;
export type SampleView = z.infer<typeof SampleView>;

/** A port that a process listens on. */
export const PortView = z.object({
  protocol: z.enum(["tcp", "udp"]),
  address: z.string(),
  port: z.int(),
  pid: z.int(),
});
export type PortView = z.infer<typeof PortView>;

export const SamplesAnswer = z.object({
  at: z.string().nullable().describe("of the last look; null before the first"),
  interval_ms: z.int().describe("until the next look, as it is now; asking makes it short"),
  all: SampleView.describe("all agents together"),
  tasks: z.array(z.object({ task_id: z.string(), sample: SampleView })),
  agents: z.array(
    z.object({
      agent_id: z.string(),
      task_id: z.string(),
      sample: SampleView,
      listens: z.array(PortView).describe("held while its processes live; at most 32"),
    }),
  ),
});
export type SamplesAnswer = z.infer<typeof SamplesAnswer>;

/** How far a history reaches back, and in which steps. Seconds. */
export const HISTORY_SPANS = {
  "1h": { span_s: 3_600, step_s: 10 },
  "1d": { span_s: 86_400, step_s: 60 },
  "7d": { span_s: 604_800, step_s: 600 },
} as const;
export const HistorySpan = z.enum(["1h", "1d", "7d"]);
export type HistorySpan = z.infer<typeof HistorySpan>;

export const HistoryQuery = z
  .strictObject({
    scope: z.enum(["all", "task", "agent"]).default("all"),
    id: z.string().min(1).max(128).optional(),
    span: HistorySpan.default("1h"),
  })
  .refine(({ scope, id }) => (scope === "all") === (id === undefined), {
    path: ["id"],
    message: "names the task or agent of that scope, and nothing for all",
  });
export type HistoryQuery = z.infer<typeof HistoryQuery>;

const column = z.array(z.number().nullable());
export const HistoryAnswer = z.object({
  scope: z.enum(["all", "task", "agent"]),
  id: z.string().nullable(),
  span: HistorySpan,
  step_s: z.int(),
  times: z
    .array(z.int())
    .describe(
      "begin of each step, seconds since the epoch, ascending; steps without a look are missing",
    ),
  series: z
    .object({
      processes: column,
      threads: column,
      fds: column,
      sockets: column,
      ports: column,
      memory_bytes: column,
      pss_bytes: column,
      cpu_ms_per_s: column,
      io_read_bytes_per_s: column,
      io_write_bytes_per_s: column,
      disk_bytes: column,
      output_bytes_per_s: column,
      tokens: column,
      cost_microusd: column,
    })
    .describe(
      "one value for each time: of counts, sizes and totals the highest in the step, of rates the mean",
    ),
});
export type HistoryAnswer = z.infer<typeof HistoryAnswer>;

export const ProcessView = z.object({
  pid: z.int(),
  ppid: z.int(),
  depth: z.int().describe("0 for one whose parent is not among them"),
  name: z.string(),
  argv: z.string().describe("shortened, secrets masked; empty where it may not be read"),
  age_s: z.int(),
  state: z.string().describe("one letter of proc(5)"),
  threads: z.int().nullable(),
  memory_bytes: z.int().nullable().describe("resident"),
  pss_bytes: z.int().nullable().describe("shared pages in parts; null where it may not be read"),
  cpu_ms: z.int().nullable().describe("processor time so far, of its own"),
  cpu_ms_per_s: z.int().nullable().describe("since it was last asked; null the first time"),
  fds: z.int().nullable(),
  sockets: z.int().nullable(),
  listens: z.array(PortView),
});
export type ProcessView = z.infer<typeof ProcessView>;

export const ProcessesAnswer = z.object({
  agent_id: z.string(),
  at: z.string(),
  processes: z.array(ProcessView).describe("each before its children, oldest first; at most 500"),
  left_out: z.int().describe("beyond the 500"),
});
export type ProcessesAnswer = z.infer<typeof ProcessesAnswer>;
