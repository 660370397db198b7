import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { repairCandidates } from "../../../../src/surface/cli/demo/agents/repair.ts";
import { REPOSITORY } from "../../../../src/surface/cli/demo/repository.ts";
import {
  changedLines,
  daemonEnvironment,
  makeRepository,
  makeWorld,
  removeWorld,
  testRepository,
} from "../../../../src/surface/cli/demo/world.ts";
import type { World } from "../../../../src/surface/cli/demo/world.ts";

const BUGGY = "src/basket.js";

function world(): World {
  const made = makeWorld(process.env);
  onTestFinished(() => rmSync(made.root, { recursive: true, force: true }));
  return made;
}

test("the repository has a real bug that one of the fixer's changes mends", () => {
  const made = world();
  makeRepository(made);
  expect(testRepository(made)).toEqual({ passed: false, summary: "2 pass, 1 fail" });
  const source = REPOSITORY[BUGGY] ?? "";
  const mends = repairCandidates(source).filter((candidate) => {
    writeFileSync(join(made.repository, BUGGY), candidate.source);
    return candidate.before.includes("length - 1") && testRepository(made).passed;
  });
  expect(mends.length).toBeGreaterThan(0);
  writeFileSync(join(made.repository, BUGGY), mends[0]?.source ?? "");
  expect(changedLines(made)).toEqual([`-  ${mends[0]?.before}`, `+  ${mends[0]?.after}`]);
});

test("a candidate changes one place and says which line", () => {
  expect(repairCandidates("a\nif (b <= c) {}\n")).toEqual([
    { line: 2, before: "if (b <= c) {}", after: "if (b < c) {}", source: "a\nif (b < c) {}\n" },
  ]);
  expect(repairCandidates("nothing to slip on")).toEqual([]);
});

test("the daemon gets a home of its own and nothing that leads elsewhere", () => {
  const env = {
    PATH: "/bin",
    LANG: "C.UTF-8",
    HOME: "/home/a",
    TMUX: "/tmp/tmux-0/default,1,0",
    GIT_DIR: "/home/a/.git",
    CORRAL_STATE_DIR: "/home/a/state",
    CORRAL_TOKEN: "secret",
    XDG_CONFIG_HOME: "/home/a/.config",
    XDG_RUNTIME_DIR: "/run/user/1",
    NODE_OPTIONS: "--inspect",
    UNSET: undefined,
  };
  expect(daemonEnvironment(env, "/r/home", "/r/state")).toEqual({
    PATH: "/bin",
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: "/run/user/1",
    HOME: "/r/home",
    CORRAL_STATE_DIR: "/r/state",
    CORRAL_TERM_MS: "1000",
    CORRAL_LEFTOVER_MS: "500",
  });
});

test("all of it lies in one folder, which is removed", () => {
  const made = world();
  makeRepository(made);
  for (const path of Object.values(made.paths)) expect(path.startsWith(`${made.root}/`)).toBe(true);
  expect(removeWorld(made)).toBe(true);
  expect(existsSync(made.root)).toBe(false);
});

test("another folder that has taken the place is left alone", () => {
  const made = world();
  const moved = `${made.root}-moved`;
  renameSync(made.root, moved);
  onTestFinished(() => rmSync(moved, { recursive: true }));
  mkdirSync(made.root);
  writeFileSync(join(made.root, "precious"), "");
  expect(removeWorld(made)).toBe(false);
  expect(existsSync(join(made.root, "precious"))).toBe(true);
  rmSync(join(made.root, "precious"));
  rmdirSync(made.root);
});
