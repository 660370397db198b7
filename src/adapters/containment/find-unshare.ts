/**
 * Finds an unshare (util-linux) that makes a PID namespace here: as root by itself, else inside
 * a user namespace, which some distributions forbid. In a user namespace of their own agents
 * keep their uid, but sudo and other setuid programs do nothing for them.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../kernel/fault.ts";
import { firstExecutable } from "./find-prlimit.ts";

export interface UnshareFinding {
  /** argv before the program that becomes the namespace's init; null when nothing works. */
  readonly argv: readonly string[] | null;
  readonly detail: string;
}

/** A busy machine must not cost the daemon a means for as long as it lives. Milliseconds. */
const PROBE_MS = 6_000;
/** --kill-child: the namespace dies with the unshare that waits for it. */
const NAMESPACE = ["--pid", "--fork", "--kill-child", "--mount-proc"];
const VARIANTS = [
  { options: NAMESPACE, how: "as root" },
  { options: ["--map-current-user", ...NAMESPACE], how: "in a user namespace" },
];

/** Tries each variant with a real process, which must find itself to be pid 1; never throws. */
export async function findUnshare(): Promise<UnshareFinding> {
  const path = firstExecutable("unshare");
  if (path === null) return { argv: null, detail: "unshare (util-linux) is not installed" };
  let detail = "";
  for (const { how, options } of VARIANTS) {
    const argv = [path, ...options, "--"];
    try {
      const probe = [
        ...argv.slice(1),
        "/bin/sh",
        "-c",
        'read -r pid _ </proc/self/stat; echo "$$ $pid"',
      ];
      const { stdout } = await promisify(execFile)(path, probe, { timeout: PROBE_MS });
      if (stdout === "1 1\n") return { argv, detail: `${path}, ${how}` };
      detail = `${path} made no PID namespace of its own`;
    } catch (error) {
      detail = `${path} failed: ${messageOf(error).trim().split("\n").at(-1) ?? ""}`;
    }
  }
  return { argv: null, detail };
}
