/**
 * A stand-in for a systemd user manager, for root's tests: a subtree of cgroup v2 that belongs to an
 * ordinary user, and a `systemd-run` for his PATH. As the real one, systemd-run asks; somebody with
 * the right to do it makes the scope, gives it to the user and moves the caller in; then systemd-run
 * becomes the program. A scope whose last process has gone is removed, with what is below it.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const CGROUP2 = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
  existsSync(join(path, "cgroup.procs")),
);
const POLL_MS = 5;

export interface UserManager extends Disposable {
  /** To be put before everything else in the user's PATH. */
  readonly bin: string;
  /** Paths of all scopes that were ever made, oldest first. */
  scopes(): readonly string[];
  /** Those of them that still have a process. */
  populated(): readonly string[];
  /** What systemd-run was last called with. */
  said(): readonly string[];
}

/** Null where there is no cgroup v2. @param folder  A directory that the user can reach. */
export function userManager(folder: string, name: string, uid: number): UserManager | null {
  if (CGROUP2 === undefined) return null;
  const base = join(CGROUP2, `corral-test-${name}`);
  const slice = join(base, "app.slice");
  const [bin, requests] = [join(folder, "bin"), join(folder, "requests")];
  for (const path of [base, slice, bin, requests]) mkdirSync(path);
  for (const group of [base, slice]) giveAway(group, uid);
  chmodSync(requests, 0o777);
  writeFileSync(join(bin, "systemd-run"), SYSTEMD_RUN.replaceAll("REQUESTS", requests));
  chmodSync(join(bin, "systemd-run"), 0o755);
  const made: string[] = [];

  const answer = (): void => {
    for (const request of readdirSync(requests).filter((one) => one.endsWith(".asked"))) {
      const pid = request.slice(0, -".asked".length);
      if (existsSync(join(requests, `${pid}.done`))) continue;
      const unit = readFileSync(join(requests, request), "utf8").trim();
      const scope = join(slice, `${unit}.scope`);
      mkdirSync(scope);
      giveAway(scope, uid);
      made.push(scope);
      writeFileSync(join(scope, "cgroup.procs"), pid);
      writeFileSync(join(requests, `${pid}.done`), "");
    }
  };
  const timer = setInterval(answer, POLL_MS);
  const populated = () => made.filter((scope) => existsSync(scope) && isPopulated(scope));

  return {
    bin,
    scopes: () => made,
    populated,
    said: () => readFileSync(join(requests, "said"), "utf8").split("\n"),
    [Symbol.dispose]() {
      clearInterval(timer);
      removeTree(base);
    },
  };
}

/** Waits for the answer as the real one does for its job; what is said is kept for the test. */
const SYSTEMD_RUN = `#!/bin/sh
printf '%s\\n' "$@" >REQUESTS/said
while [ "$1" != -- ]; do
  case $1 in --unit=*) unit=\${1#--unit=} ;; esac
  shift
done
shift
echo "$unit" >REQUESTS/$$.part && mv REQUESTS/$$.part REQUESTS/$$.asked
while [ ! -e REQUESTS/$$.done ]; do sleep 0.01; done
exec "$@"
`;

/** What systemd gives away with Delegate=yes, see cgroups(7). */
function giveAway(group: string, uid: number): void {
  for (const file of ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]) {
    chownSync(join(group, file), uid, uid);
  }
}

function isPopulated(group: string): boolean {
  return /^populated 1$/m.test(readFileSync(join(group, "cgroup.events"), "latin1"));
}

/** Fails, as it should, when somebody still sits in it. */
function removeTree(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(group, entry.name));
  }
  rmdirSync(group);
}
