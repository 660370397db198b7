/**
 * What is kept of a deploy's options for a resume, and putting them together again. Pure.
 *
 * A secret is not kept: the store holds fingerprints of secrets and nothing else of them. What had to
 * be left out is named, and whoever resumes gives it again.
 */
import type { KeptOptions } from "../agents/record.ts";
import type { ResumeInput } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { DeployRequest } from "./plan-run.ts";

type Options = DeployRequest["options"];

/** Kept of all options of one agent. Characters of JSON; beyond it the large ones are left out. */
const KEPT_MOST_CHARS = 65_536;

/**
 * The options without secrets. The folder is not among them: the agent's record has it; and no argv:
 * what is a program of the caller's has no conversation.
 *
 * @param hasSecret  Whether a JSON value holds a secret, also one that the agent was just given.
 */
export function keptOptions(options: Options, hasSecret: (value: unknown) => boolean): KeptOptions {
  const { cwd: _folder, command: _argv, ...more } = options;
  const { env = {}, mcp_servers: servers = {}, preamble, ...plain } = more;
  const kept = {
    env: partition(env, hasSecret),
    mcp_servers: partition(servers, hasSecret),
    preamble: partition(preamble === undefined ? {} : { preamble }, hasSecret),
  };
  const given = {
    ...plain,
    ...filled("env", kept.env.open),
    ...filled("mcp_servers", kept.mcp_servers.open),
    ...kept.preamble.open,
  };
  const withheld = [
    ...kept.env.secret.map((name) => `env.${name}`),
    ...kept.mcp_servers.secret.map((name) => `mcp_servers.${name}`),
    ...kept.preamble.secret,
  ];
  if (JSON.stringify(given).length <= KEPT_MOST_CHARS) return { given, withheld };
  const large = [
    ...Object.keys(env).map((name) => `env.${name}`),
    ...Object.keys(servers).map((name) => `mcp_servers.${name}`),
    ...(preamble === undefined ? [] : ["preamble"]),
  ];
  return { given: plain, withheld: large };
}

function partition<T>(
  all: Readonly<Record<string, T>>,
  hasSecret: (value: unknown) => boolean,
): { readonly open: Readonly<Record<string, T>>; readonly secret: readonly string[] } {
  const entries = Object.entries(all);
  // With its name: "KEY=…" says more than the value alone.
  const isSecret = ([name, value]: readonly [string, T]): boolean => hasSecret({ [name]: value });
  return {
    open: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
    secret: entries.filter(isSecret).map(([name]) => name),
  };
}

function filled(name: string, values: object): Readonly<Record<string, object>> {
  return Object.keys(values).length === 0 ? {} : { [name]: values };
}

/** What a resume may change of the options. */
export type Changes = Pick<
  ResumeInput,
  "model" | "effort" | "env" | "mcp_servers" | "limits" | "permission_mode" | "on_daemon_gone"
>;

/**
 * The options of a resume: those of before with the changes laid over them.
 *
 * @param before  Null for an agent of which none were kept: then only what its record says.
 * @throws {Fault} INPUT_INVALID when something that was not kept has to be given again.
 */
export function resumedOptions(
  before: KeptOptions | null,
  record: Pick<Options, "permission_mode"> & {
    readonly harness: NonNullable<Options["harness"]>;
    readonly cwd: string;
  },
  changes: Changes,
): Options {
  const given = (before?.given ?? {}) as Partial<Options>;
  refuseMissing(before?.withheld ?? [], changes);
  const env = { ...given.env, ...changes.env };
  const limits = { ...given.limits, ...changes.limits };
  const servers = changes.mcp_servers ?? given.mcp_servers;
  const { env: _env, limits: _limits, mcp_servers: _servers, ...scalars } = present(changes);
  return {
    isolation: "none",
    ...given,
    ...record,
    ...scalars,
    ...filled("env", env),
    ...filled("limits", limits),
    ...(servers === undefined ? {} : { mcp_servers: servers }),
  };
}

/** A server that held a secret is given again with all the others: what is named replaces them all. */
function refuseMissing(withheld: readonly string[], { env, mcp_servers: servers }: Changes): void {
  const missing = withheld.filter((path) => {
    const [kind = "", ...name] = path.split(".");
    if (kind === "env") return env === undefined || !Object.hasOwn(env, name.join("."));
    return kind === "mcp_servers" && servers === undefined;
  });
  if (missing.length === 0) return;
  const shown = missing.slice(0, 10).join(", ");
  throw new Fault("INPUT_INVALID", `It had what Corral does not keep: ${shown}.`, {
    hint: "Give it again (env, mcp_servers); to go on without it give an empty value, or {} for no servers.",
    details: { missing: shown },
  });
}

/** Only what was given. */
function present<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
