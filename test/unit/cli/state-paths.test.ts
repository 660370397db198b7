import { describe, expect, test } from "vitest";
import { statePaths } from "../../../src/surface/cli/state-paths.ts";

describe("the state directory", () => {
  test("is CORRAL_STATE_DIR before all else, made absolute", () => {
    const env = { CORRAL_STATE_DIR: "/srv/one/../two", XDG_STATE_HOME: "/xdg", HOME: "/home/a" };
    expect(statePaths(env).stateDir).toBe("/srv/two");
  });

  test("is below XDG_STATE_HOME, and below the home without it", () => {
    expect(statePaths({ XDG_STATE_HOME: "/xdg", HOME: "/home/a" }).stateDir).toBe("/xdg/corral");
    expect(statePaths({ HOME: "/home/a" }).stateDir).toBe("/home/a/.local/state/corral");
  });

  test("ignores empty variables and relative XDG folders", () => {
    const env = { CORRAL_STATE_DIR: "", XDG_STATE_HOME: "state", HOME: "/home/a" };
    expect(statePaths(env).stateDir).toBe("/home/a/.local/state/corral");
  });
});

describe("sockets", () => {
  const deep = `/srv/${"d".repeat(120)}`;

  test("lie in a state directory that is short enough", () => {
    const paths = statePaths({ CORRAL_STATE_DIR: "/srv/corral" });
    expect(paths.socket).toBe("/srv/corral/daemon.sock");
    expect(paths.tmuxSocket).toBe("/srv/corral/tmux.sock");
    expect(paths.runtimeDir).toBe("/srv/corral");
  });

  test("get a short directory of their own under XDG_RUNTIME_DIR otherwise", () => {
    const paths = statePaths({ CORRAL_STATE_DIR: deep, XDG_RUNTIME_DIR: "/run/user/7" }, 7);
    expect(paths.socket).toMatch(/^\/run\/user\/7\/corral-[0-9a-f]{16}\/daemon\.sock$/);
    expect(paths.database).toBe(`${deep}/corral.db`);
  });

  test("lie under /tmp, by user, where there is no usable runtime directory", () => {
    const unusable = ["", "run", `/${"r".repeat(100)}`];
    for (const XDG_RUNTIME_DIR of unusable) {
      const paths = statePaths({ CORRAL_STATE_DIR: deep, XDG_RUNTIME_DIR }, 7);
      expect(paths.runtimeDir).toMatch(/^\/tmp\/corral-7-[0-9a-f]{16}$/);
    }
  });

  test("never exceed what the kernel takes, counted in bytes, at every length", () => {
    for (let length = 1; length < 200; length += 1) {
      const paths = statePaths({ CORRAL_STATE_DIR: `/${"ä".repeat(length)}` }, 1_000);
      expect(Buffer.byteLength(paths.socket)).toBeLessThanOrEqual(103);
      expect(Buffer.byteLength(paths.tmuxSocket)).toBeLessThanOrEqual(103);
    }
  });

  test("of two state directories never meet", () => {
    const a = statePaths({ CORRAL_STATE_DIR: `${deep}a` });
    const b = statePaths({ CORRAL_STATE_DIR: `${deep}b` });
    expect(a.socket).not.toBe(b.socket);
  });
});
