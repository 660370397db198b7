/** The demo's throw-away folder: made, filled, and removed; nothing outside of it is touched. */
import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { accessSync, constants } from "node:fs";
import { statePaths } from "../state-paths.ts";
import type { PathEnvironment, StatePaths } from "../state-paths.ts";
import { REPOSITORY } from "./repository.ts";

export interface World {
  /** Absolute, without links. */
  readonly root: string;
  readonly repository: string;
  readonly paths: StatePaths;
  /** The daemon's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Which directory it is, whatever lies at the path later. */
  readonly identity: { readonly device: number; readonly inode: number };
}

/** Deep temporary folders make socket names too long; /tmp is what is left then. */
const ROOT_MAX_CHARS = 60;
const TEST_FILES = Object.keys(REPOSITORY).filter((path) => path.endsWith(".test.js"));

/** Makes the folder, with an empty home in it. @param env  Whose PATH and language the demo uses. */
export function makeWorld(env: PathEnvironment): World {
  const under = tmpdir().length > ROOT_MAX_CHARS ? "/tmp" : tmpdir();
  const root = realpathSync(mkdtempSync(join(under, "corral-demo-")));
  const { dev: device, ino: inode } = lstatSync(root);
  const repository = join(root, "repository");
  const home = join(root, "home");
  mkdirSync(repository);
  mkdirSync(home);
  const own = daemonEnvironment(env, home, join(root, "state"));
  return { root, repository, env: own, paths: statePaths(own), identity: { device, inode } };
}

/**
 * The daemon's environment: the user's, but with a home of its own and without what would lead
 * to another Corral, another tmux, another repository or the user's configuration.
 */
export function daemonEnvironment(
  env: PathEnvironment,
  home: string,
  stateDir: string,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^(?:CORRAL_|GIT_|TMUX|NODE_OPTIONS$|XDG_(?:CONFIG|DATA|CACHE|STATE)_HOME$)/.test(entry[0]),
  );
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    CORRAL_STATE_DIR: stateDir,
    // The steps of a stop are the same as ever, with less patience between them.
    CORRAL_TERM_MS: "1000",
    CORRAL_LEFTOVER_MS: "500",
  };
}

/** Writes the repository and commits it with an identity of its own. */
export function makeRepository({ repository, env }: World): void {
  for (const [path, text] of Object.entries(REPOSITORY)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  const git = (...words: readonly string[]) =>
    execFileSync("git", [...IDENTITY, ...words], {
      cwd: repository,
      env: gitEnv(env),
      stdio: "pipe",
    });
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "Basket, with a bug");
}

const IDENTITY = [
  ["user.name", "Corral demo"],
  ["user.email", "demo@example.invalid"],
  ["commit.gpgsign", "false"],
  ["init.defaultBranch", "main"],
].flatMap(([key, value]) => ["-c", `${key}=${value}`]);

function gitEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return { ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
}

/** What the repository's own tests say, run by the demo itself. */
export function testRepository({ repository, env }: World): {
  readonly passed: boolean;
  readonly summary: string;
} {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--test", "--test-reporter=tap", ...TEST_FILES],
    { cwd: repository, env, encoding: "utf8" },
  );
  const count = (what: string) => new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? "?";
  return { passed: status === 0, summary: `${count("pass")} pass, ${count("fail")} fail` };
}

/** The lines that were changed in the repository, as git shows them. */
export function changedLines({ repository, env }: World): readonly string[] {
  const diff = execFileSync("git", ["diff", "--unified=0"], {
    cwd: repository,
    env: gitEnv(env),
    encoding: "utf8",
  });
  return diff.split("\n").filter((line) => /^[-+](?![-+])/.test(line));
}

/**
 * Removes the folder, if the path still is the very directory that was made.
 *
 * @returns false when something else lies there now; it was left alone.
 */
export function removeWorld({ root, identity, paths }: World): boolean {
  const { dev, ino } = lstatSync(root);
  if (dev !== identity.device || ino !== identity.inode) return false;
  rmSync(root, { recursive: true });
  // Only where the folder was too deep for sockets; it is empty, or it is not removed.
  if (!paths.runtimeDir.startsWith(root))
    rmSync(paths.runtimeDir, { recursive: true, force: true });
  return true;
}

/** True when a program of that name is on the PATH. */
export function isInstalled(program: string, env: PathEnvironment): boolean {
  return (env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}
