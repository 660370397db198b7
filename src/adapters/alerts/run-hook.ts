/** Runs a hook of the user's inside a set: in its control groups, with its mark, in a session of its own. */
import { spawn } from "node:child_process";
import type { HookEnd, Hooks } from "../../supervision/alerts/ports.ts";
import type { ProcessSet } from "../../supervision/ports.ts";
import { markOptions } from "../../runner/mark-options.ts";

/** What is kept of its output; the rest is read and thrown away, so that it never waits for us. */
const OUTPUT_MOST = 4_096;
/** Names of our own environment that it gets. */
const HANDED_ON = ["PATH", "HOME", "LANG", "TMPDIR", "USER"] as const;
/** Joins each group named before `--`, then becomes the rest. A group that is gone ends it: it would be outside. */
const JOIN =
  'while [ "$1" != "--" ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

/** @param prlimit  Absolute path of prlimit; null where there is none, and no mark. */
export function hooks(prlimit: string | null): Hooks {
  return { run: (hook) => run(hook, prlimit) };
}

type Hook = Parameters<Hooks["run"]>[0];

function run(
  { argv, input, set, timeoutMs, variables }: Hook,
  prlimit: string | null,
): Promise<HookEnd> {
  const { promise, resolve } = Promise.withResolvers<HookEnd>();
  const marked =
    set.mark !== null && prlimit !== null ? [prlimit, ...markOptions(set.mark), "--"] : [];
  const own = HANDED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const child = spawn("/bin/sh", ["-c", JOIN, "sh", ...groupsOf(set), "--", ...marked, ...argv], {
    cwd: "/",
    detached: true,
    env: { ...Object.fromEntries(own), ...variables },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  let timedOut = false;
  const end = (exitCode: number | null): void => {
    clearTimeout(timer);
    // A grandchild may hold the pipes for ever.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
    resolve({ exitCode, timedOut, output: output.trim() });
  };
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
    end(null);
  }, timeoutMs);
  const keep = (chunk: Buffer): void => {
    if (output.length < OUTPUT_MOST) output += chunk.toString().slice(0, OUTPUT_MOST);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.stdin.on("error", () => {}); // it may end without reading
  child.once("error", (error) => {
    output = error.message;
    end(null);
  });
  child.once("exit", (code) => setImmediate(end, code));
  child.stdin.end(input);
  child.unref();
  return promise;
}

function groupsOf({ cgroup, freezer, pidsCgroup }: ProcessSet): readonly string[] {
  const groups = [cgroup, freezer, pidsCgroup];
  return groups.filter((group) => group !== null && group !== undefined);
}
