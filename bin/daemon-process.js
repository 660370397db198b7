// What a daemon's process is started with to stay small, decided here for every way of starting one: in plain JavaScript,
// because it is asked before anything that takes memory is loaded. See docs/adr/0043-a-small-process.md.
import { accessSync, constants } from "node:fs";

/** Node's own flags. A young generation of 1 MB, since a daemon allocates little at a time; one thread of V8's and not four. */
const FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1"];
/**
 * V8's alone: its heap gives memory back, and grows by half of what lives in it, not to a multiple. Steps of a tenth, as the first
 * flag would have it alone, cost a quiet daemon half as much processor time again. When it has collected garbage it does so once
 * more to give memory back, and not twice. Another Node may not know them and would not start with them, so the process itself
 * tells them to V8; and not before it is ready, because looking for garbage that often costs a start 40 ms of processor time.
 */
const V8_FLAGS = [
  "--optimize-for-size",
  "--heap-growing-percent=50",
  "--memory-reducer-gc-count=1",
];
/** glibc keeps what each thread has freed in an arena of its own, and lets the freed end of the heap grow, unless told not to. */
const ALLOCATOR = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "131072" };
/** Names the variables that were added, so that the daemon can take them away again: what it starts gets none of them. */
const ADDED = "CORRAL_DAEMON_ADDED";

/** The argv of a daemon with this launcher. */
export function daemonArgv(launcher) {
  return [process.execPath, ...FLAGS, launcher, "daemon"];
}

/** That environment, with what a daemon's process wants added where nobody has decided otherwise. */
export function daemonEnvironment(env) {
  const added = Object.entries(ALLOCATOR).filter(([name]) => env[name] === undefined);
  if (added.length === 0) return { ...env };
  return { ...env, ...Object.fromEntries(added), [ADDED]: added.map(([name]) => name).join(" ") };
}

/** The flags that a process with these flags and this environment lacks. One that is there with another value is somebody's decision. */
export function missingFlags(execArgv, env) {
  const words = [...execArgv, ...(env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  const given = new Set(words.map(nameOf));
  return FLAGS.filter((flag) => !given.has(nameOf(flag)));
}

/** True when this environment lacks nothing of what a daemon's process wants. */
export function isDaemonEnvironment(env) {
  return Object.keys(ALLOCATOR).every((name) => env[name] !== undefined);
}

/**
 * Makes this process what a daemon's process should be. When it was started without that, it becomes Node once more,
 * with the same pid and arguments, and this does not return. Changes nothing but memory: where it cannot be done, the daemon runs as it is.
 */
export function becomeDaemonProcess() {
  const { env, execArgv, execPath, argv } = process;
  const missing = missingFlags(execArgv, env);
  if ((missing.length > 0 || !isDaemonEnvironment(env)) && isProgram(execPath)) {
    const words = [execPath, ...missing, ...execArgv, ...argv.slice(1)];
    process.execve?.(execPath, words, daemonEnvironment(env));
  }
  for (const name of (env[ADDED] ?? "").split(" ").filter((one) => one in ALLOCATOR)) {
    delete env[name];
  }
  delete env[ADDED];
}

/** From now on V8 looks for garbage sooner. For a daemon that is ready. May be called twice. */
export function growInSmallSteps() {
  // Code that is kept under one set of flags is not taken under another: what the start has loaded is written down first.
  process.getBuiltinModule("node:module").flushCompileCache();
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  for (const flag of V8_FLAGS) setFlagsFromString(flag);
}

/** V8 reads an underscore in a flag's name as a dash. */
function nameOf(flag) {
  return flag.split("=", 1)[0].replaceAll("_", "-");
}

/** A process that replaces itself by what is not there ends. */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
