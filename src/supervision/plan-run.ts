/** What will be run for an agent: argv, environment, files, folder. Makes nothing. */
import { arriving, type MessageRecord } from "../agents/message.ts";
import type { AgentRecord, Permission } from "../agents/record.ts";
import type { HarnessName, OnDaemonGone } from "../contract/agent.ts";
import type { AgentLimits, DeployInput, SpawnChildInput } from "../contract/tools.ts";
import type { FileToWrite, Harness, HarnessRequest, LinkToMake } from "../harness/harness.ts";
import { agentPrompt, resumePrompt } from "../harness/preamble.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import { type Credential, credentialOf } from "../harness/credential.ts";
import { budgetWarnings } from "../harness/budget-warnings.ts";
import { type Budget, leftOf } from "../tasks/budget.ts";
import { budgetOf, type TaskRecord } from "../tasks/task.ts";
import { carryOf } from "./carried.ts";
import type { Configuration } from "./configuration.ts";
import { environmentOf, programPath } from "./plan-environment.ts";
import { permissionNeeded, permissionOf, refuseEscalation } from "./plan-permission.ts";
import type { SetLimits } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { bytesOf, limitOf } from "./tasks.ts";

/** A deploy call, whichever tool it came by. */
export interface DeployRequest {
  readonly type: string;
  readonly prompt: string;
  /** `"orchestrator"` or the id of the parent agent. */
  readonly parent: string;
  /** 1 below the orchestrator. */
  readonly depth: number;
  /** The parent's folder, for a child that names none. */
  readonly parentCwd: string | null;
  /** The agent that asks for it; null when a client does. */
  readonly spawner: Pick<AgentRecord, "id" | "permission" | "cwd"> | null;
  readonly idempotencyKey: string | null;
  /** What becomes of it while the quota of its account is used up. */
  readonly onQuota: "refuse" | "wait";
  /** The ended agent whose conversation goes on, with what it has not read. Absent: a new conversation. */
  readonly resumes?: Resumption;
  readonly options: Omit<
    DeployInput,
    "task_id" | "agent_type" | "prompt" | "parent" | "idempotency_key" | "on_quota"
  >;
}

export interface Resumption {
  readonly agent: AgentRecord;
  /** Oldest first. */
  readonly messages: readonly MessageRecord[];
}

export interface RunPlan {
  readonly agentId: AgentId;
  readonly harness: Harness;
  readonly permission: Permission;
  readonly directory: string;
  readonly cwd: string;
  /** argv[0] is absolute. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly FileToWrite[];
  readonly links: readonly LinkToMake[];
  /** A folder of an earlier run that is copied into this one's directory; null for none. */
  readonly carry: { readonly from: string; readonly to: string } | null;
  readonly stdinPath: string | null;
  /** True when its stdin stays open for messages. */
  readonly hasInput: boolean;
  readonly wallClockS: number;
  /** Null: it is never stopped for doing nothing. Milliseconds. */
  readonly idleMs: number | null;
  readonly limits: SetLimits;
  readonly onDaemonGone: OnDaemonGone;
  /** Caps on what it prints and on what its files take; null for none. Bytes. */
  readonly outputLimit: number | null;
  readonly diskLimit: number | null;
  /** What it may use before it is stopped. */
  readonly budget: Budget;
  /** Whose quota it uses. */
  readonly credential: Credential | null;
  readonly warnings: readonly string[];
}

/**
 * Works out a run.
 *
 * @throws {Fault} INPUT_INVALID, CWD_UNUSABLE, HARNESS_MISSING.
 */
export function planRun(
  setting: Setting,
  task: TaskRecord,
  request: DeployRequest,
  agentId: AgentId,
  token: string,
): RunPlan {
  const { options } = request;
  const configuration = setting.configuration();
  const harness = setting.harnessOf(harnessName(options));
  const directory = `${setting.places.agents}/${agentId}`;
  const cwd = setting.files.realFolder(
    options.cwd ?? request.parentCwd ?? task.clientCwd ?? task.workspace,
    options.permission_mode !== "plan",
  );
  if (request.spawner !== null) {
    refuseEscalation(request.spawner, permissionNeeded(harness.name, options), cwd);
  }
  const wallClockS = options.limits?.wall_clock_s ?? configuration.wall_clock_s;
  const budget = {
    tokens: limitOf(options.limits?.tokens ?? configuration.limit_tokens),
    costUsd: limitOf(options.limits?.cost_usd ?? configuration.limit_cost_usd),
  };
  const taskBudget = budgetOf(task.limits);
  const taskLeft = leftOf(setting.store.taskSpent(task.id), taskBudget);
  const user = ofTheUser(setting, harness, options.env ?? {}, cwd);
  const session = request.resumes?.agent.cliSession ?? null;
  const launch = harness.plan({
    taskId: task.id,
    agentId,
    agentType: request.type,
    prompt: promptOf(task, request, agentId, wallClockS, harness),
    model: options.model ?? null,
    effort: options.effort ?? null,
    command: options.command ?? null,
    permissionMode: options.permission_mode,
    maxCostUsd: lesser(budget.costUsd, taskLeft.costUsd),
    directory,
    mcp: { url: `${setting.url()}/mcp`, token },
    mcpServers: serversGiven(options),
    ...user,
    isRoot: setting.uid === 0,
    endInput: setting.inputs.endCommand(directory),
    ...(session === null ? {} : { session }),
  });
  const env = environmentOf(setting, launch, options.env ?? {}, directory, cwd);
  return {
    agentId,
    harness,
    permission: permissionOf(harness.name, options.permission_mode),
    directory,
    cwd,
    argv: [programPath(setting, harness, launch, env, cwd), ...launch.argv.slice(1)],
    env,
    files: launch.files,
    links: launch.links ?? [],
    carry: carryOf(setting, harness, request.resumes, user.environment, directory),
    stdinPath: launch.stdin === null ? null : `${directory}/${launch.stdin}`,
    hasInput: launch.hasInput === true,
    wallClockS,
    idleMs: idleOf(options.limits?.idle_s, configuration.idle_ms),
    limits: limitsOf(options.limits ?? {}, configuration),
    onDaemonGone: options.on_daemon_gone ?? configuration.on_daemon_gone,
    outputLimit: bytesOf(options.limits?.output_mb ?? configuration.limit_output_mb),
    diskLimit: bytesOf(options.limits?.disk_mb ?? configuration.limit_disk_mb),
    budget,
    // Of the user's environment: the agent's own may name a home of its own for the CLI.
    credential: credentialOf(harness.name, user.environment, options.model ?? null, (text) =>
      setting.digest(`${setting.store.world.salt}\n${text}`),
    ),
    warnings: [...launch.warnings, ...budgetWarnings(harness.name, budget, taskBudget, taskLeft)],
  };
}

function lesser(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function serversGiven({ mcp_servers }: DeployRequest["options"]): HarnessRequest["mcpServers"] {
  const servers = Object.entries(mcp_servers ?? {}).map(([name, { command, ...more }]) => {
    const { args = [], env = {}, url = "", headers = {} } = more;
    return [name, command === undefined ? { url, headers } : { command, args, env }] as const;
  });
  return Object.fromEntries(servers);
}

/** What a harness may know of the user's own configuration of its CLI. */
function ofTheUser(
  setting: Setting,
  harness: Harness,
  given: Readonly<Record<string, string>>,
  cwd: string,
): Pick<HarnessRequest, "environment" | "userFiles"> {
  const environment = { ...setting.environment, ...given };
  const paths = harness.userFiles?.(environment, cwd) ?? [];
  const texts = paths.map((path) => [path, setting.files.readUserFile(path)] as const);
  return { environment, userFiles: Object.fromEntries(texts) };
}

const MIB = 1_048_576;

/** A cpu weight that is everybody's is none: no group has to be made for it. */
const USUAL_WEIGHT = 100;

function limitsOf(asked: AgentLimits, usual: Configuration): SetLimits {
  const memoryMb = asked.memory_mb ?? usual.limit_memory_mb;
  const cpuWeight = asked.cpu_weight ?? usual.limit_cpu_weight;
  return {
    processes: asked.processes ?? usual.limit_processes,
    ...(memoryMb === 0 ? {} : { memoryBytes: memoryMb * MIB }),
    ...(cpuWeight === USUAL_WEIGHT ? {} : { cpuWeight }),
    ...(asked.open_files === undefined ? {} : { openFiles: asked.open_files }),
    ...(usual.limit_open_files === 0 ? {} : { mostOpenFiles: usual.limit_open_files }),
    together: {
      processes: usual.limit_all_processes === 0 ? null : usual.limit_all_processes,
      memoryBytes: usual.limit_all_memory_mb === 0 ? null : usual.limit_all_memory_mb * MIB,
      cpuWeight: usual.limit_all_cpu_weight === USUAL_WEIGHT ? null : usual.limit_all_cpu_weight,
    },
  };
}

/** The part of both deploy tools that a request keeps as it is. */
export function optionsOf(input: DeployInput | SpawnChildInput): DeployRequest["options"] {
  const { harness, model, effort, command, cwd, isolation, env, limits, permission_mode } = input;
  const { on_daemon_gone } = input;
  const { mcp_servers, preamble } = input;
  return {
    isolation,
    permission_mode,
    ...(harness === undefined ? {} : { harness }),
    ...(model === undefined ? {} : { model }),
    ...(effort === undefined ? {} : { effort }),
    ...(command === undefined ? {} : { command }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(mcp_servers === undefined ? {} : { mcp_servers }),
    ...(preamble === undefined ? {} : { preamble }),
    ...(limits === undefined ? {} : { limits }),
    ...(on_daemon_gone === undefined ? {} : { on_daemon_gone }),
  };
}

function idleOf(givenS: number | undefined, settingMs: number): number | null {
  const idleMs = givenS === undefined ? settingMs : givenS * SECOND_MS;
  return idleMs === 0 ? null : idleMs;
}

function harnessName({ harness, command }: DeployRequest["options"]): HarnessName {
  if (harness !== undefined && harness !== "command" && command !== undefined) {
    throw new Fault("INPUT_INVALID", `command means nothing to the harness "${harness}".`, {
      hint: 'Leave command out, or use the harness "command".',
    });
  }
  return harness ?? (command === undefined ? "claude" : "command");
}

function promptOf(
  task: TaskRecord,
  request: DeployRequest,
  agentId: AgentId,
  wallClockS: number,
  { program, toolPrefix }: Harness,
): string {
  const { background, deliverables, criteria, constraints, files, history } = task.context;
  const { resumes } = request;
  return (resumes === undefined ? agentPrompt : resumePrompt)({
    task: {
      taskId: task.id,
      description: task.description,
      backgroundContext: background,
      expectedDeliverables: deliverables,
      successCriteria: criteria,
      constraints,
      relevantFiles: files,
      conversationHistory: history,
    },
    agent: {
      agentId,
      agentType: request.type,
      parent: request.parent,
      depth: request.depth,
      maxDepth: task.limits.depth,
      wallClockS,
    },
    prompt: request.prompt,
    earlier: resumes?.agent.id ?? "",
    messages: (resumes?.messages ?? []).map(arriving),
    hasTools: program !== null,
    toolPrefix,
    ...(request.options.preamble === undefined ? {} : { preamble: request.options.preamble }),
  });
}
