/**
 * A small file system as people have them, in a file of its own behind a loop device: made and unmade
 * by root. The device lets go of the file by itself when it is unmounted.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SmallDisk, takingRoom } from "./small-disk.ts";

/** With what each is made, and the smallest that its tools make. Megabytes. */
const KINDS = {
  // No room that is root's alone: then full means full for everybody.
  ext4: { megabytes: 48, mkfs: ["mkfs.ext4", "-q", "-F", "-m", "0"] },
  xfs: { megabytes: 320, mkfs: ["mkfs.xfs", "-q", "-f"] },
  btrfs: { megabytes: 128, mkfs: ["mkfs.btrfs", "-q", "-f", "--mixed"] },
} as const;

export type LoopKind = keyof typeof KINDS;
export const LOOP_KINDS: readonly LoopKind[] = ["ext4", "xfs", "btrfs"];

export interface LoopDisk extends SmallDisk {
  /** Size of the whole. */
  readonly megabytes: number;
}

/**
 * Mounts one at a directory that it makes. Disposing unmounts it and proves with the system that
 * neither mount nor device is left.
 */
export function mountLoopDisk(path: string, kind: LoopKind): LoopDisk {
  const { megabytes, mkfs } = KINDS[kind];
  const image = `${path}.img`;
  mkdirSync(path, { mode: 0o700 });
  try {
    writeFileSync(image, "", { flag: "wx", mode: 0o600 });
    truncateSync(image, megabytes * 1_048_576);
    const [program, ...options] = mkfs;
    execFileSync(program, [...options, image], { stdio: "pipe" });
    execFileSync("mount", ["-o", "loop", image, path], { stdio: "pipe" });
  } catch (error) {
    rmSync(image, { force: true });
    rmdirSync(path);
    throw error;
  }
  chmodSync(path, 0o700);
  if (existsSync(join(path, "lost+found"))) rmdirSync(join(path, "lost+found"));
  const remount = (how: string) => execFileSync("mount", ["-o", `remount,${how}`, path]);
  const room = takingRoom(path);
  return {
    megabytes,
    ...room,
    giveRoom() {
      remount("rw");
      room.giveBack();
    },
    readOnly: () => void remount("ro"),
    [Symbol.dispose]() {
      execFileSync("umount", [path]);
      const left = [...mountsAt(path), ...devicesOf(image)];
      if (left.length > 0) throw new Error(`left of ${image}: ${left.join(", ")}`);
      rmSync(image);
    },
  };
}

/** Why there can be none of that kind here; null when there can. Tries it. */
export function whyNoLoopDisk(kind: LoopKind): string | null {
  if (process.platform !== "linux") return `${process.platform} has no loop devices`;
  if (process.getuid?.() !== 0) return "only root may mount one";
  if (!existsSync("/dev/loop-control")) return "there are no loop devices here";
  const path = join(tmpdir(), `try-${kind}-${process.pid}`);
  try {
    mountLoopDisk(path, kind)[Symbol.dispose]();
    rmdirSync(path);
    return null;
  } catch (error) {
    const [first = ""] = (error as Error).message.split("\n");
    return (error as { code?: string }).code === "ENOENT"
      ? `${KINDS[kind].mkfs[0]} is not installed`
      : first;
  }
}

function mountsAt(path: string): readonly string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return mounts.filter((line) => line.split(" ")[4] === path);
}

function devicesOf(image: string): readonly string[] {
  return execFileSync("losetup", ["-j", image], { encoding: "utf8" }).split("\n").filter(Boolean);
}
