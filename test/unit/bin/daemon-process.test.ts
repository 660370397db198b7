/** What a process lacks of what a daemon's should have, and what is left as somebody decided it. */
import { describe, expect, test } from "vitest";
import {
  daemonArgv,
  daemonEnvironment,
  isDaemonEnvironment,
  missingFlags,
} from "../../../bin/daemon-process.js";

const FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1"];

describe("flags", () => {
  test("a plain process lacks all, one that was started as a daemon lacks none", () => {
    expect(missingFlags([], {})).toEqual(FLAGS);
    const [program, ...words] = daemonArgv("/launcher.js");
    expect(program).toBe(process.execPath);
    expect(words).toEqual([...FLAGS, "/launcher.js", "daemon"]);
    expect(missingFlags(words.slice(0, -2), {})).toEqual([]);
  });

  test("another value is somebody's decision, on the command line as in NODE_OPTIONS, in either spelling", () => {
    expect(missingFlags(["--max-semi-space-size=16"], {})).toEqual(["--v8-pool-size=1"]);
    expect(missingFlags(["--max_semi_space_size=16"], {})).toEqual(["--v8-pool-size=1"]);
    const options = { NODE_OPTIONS: "--no-warnings  --v8-pool-size=4" };
    expect(missingFlags(["--inspect"], options)).toEqual(["--max-semi-space-size=1"]);
  });

  test("a flag that only begins alike does not count", () => {
    expect(missingFlags(["--max-semi-space-size-more=1"], {})).toEqual(FLAGS);
  });
});

describe("environment", () => {
  test("what is added is named, so that it can be taken away again, and is then enough", () => {
    const env = daemonEnvironment({ HOME: "/h" });
    expect(env).toEqual({
      HOME: "/h",
      MALLOC_ARENA_MAX: "1",
      MALLOC_TRIM_THRESHOLD_: "131072",
      CORRAL_DAEMON_ADDED: "MALLOC_ARENA_MAX MALLOC_TRIM_THRESHOLD_",
    });
    expect(isDaemonEnvironment(env)).toBe(true);
    expect(isDaemonEnvironment({ HOME: "/h" })).toBe(false);
  });

  test("what was there stays as it was, and is not named", () => {
    expect(daemonEnvironment({ MALLOC_ARENA_MAX: "4" })).toEqual({
      MALLOC_ARENA_MAX: "4",
      MALLOC_TRIM_THRESHOLD_: "131072",
      CORRAL_DAEMON_ADDED: "MALLOC_TRIM_THRESHOLD_",
    });
    const decided = { MALLOC_ARENA_MAX: "4", MALLOC_TRIM_THRESHOLD_: "0" };
    expect(daemonEnvironment(decided)).toEqual(decided);
    expect(isDaemonEnvironment(decided)).toBe(true);
  });
});
