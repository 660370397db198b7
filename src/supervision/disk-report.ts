/** The disk as answers and faults show it. */
import type { DiskFileSystem, DiskReport, DiskSummary } from "../contract/disk.ts";
import { Fault } from "../kernel/fault.ts";
import { humanBytes } from "../kernel/units.ts";
import {
  floorBytes,
  floorInodes,
  type Floors,
  isAtLeast,
  missingTo,
} from "../output/disk-floors.ts";
import type { FileSystemView } from "../output/disk-policy.ts";
import { FLOOR_SETTINGS, floorsOf } from "./configuration.ts";
import type { Levels } from "./file-systems.ts";
import type { Setting } from "./setting.ts";

/** Why an agent is not admitted: the limit, its use and the setting. */
export function tooFull({ path, space }: FileSystemView, floors: Floors): Fault {
  const setting = FLOOR_SETTINGS.refuse;
  const floor = floorBytes(floors.refuse, space.totalBytes);
  const floorFiles = floorInodes(floors.refuse, space.totalInodes);
  const needed = missingTo(floor, space.freeBytes);
  const isBytes = space.freeBytes < needed;
  const message = isBytes
    ? `Only ${humanBytes(space.freeBytes)} of ${humanBytes(space.totalBytes)} are free on the disk of ${path}, and ${humanBytes(needed)} must be (setting ${setting}).`
    : `Only ${space.freeInodes} of ${space.totalInodes} inodes are free on the disk of ${path}, and ${missingTo(floorFiles, space.freeInodes)} must be (setting ${setting}).`;
  return new Fault("LIMIT_REACHED", message, {
    hint: 'Free some space ("corral doctor" shows what Corral holds) or lower the setting, then call again.',
    details: {
      limit: isBytes ? "disk_free" : "inodes_free",
      used: isBytes ? space.totalBytes - space.freeBytes : space.totalInodes - space.freeInodes,
      free: isBytes ? space.freeBytes : space.freeInodes,
      floor: isBytes ? floor : floorFiles,
      setting,
    },
  });
}

/** Every file system that was seen, with its floors, and what is held of them. */
export function reportOf(
  { ballast, configuration, store }: Pick<Setting, "ballast" | "configuration" | "store">,
  seen: readonly FileSystemView[],
): DiskReport {
  const floors = floorsOf(configuration());
  return {
    used_bytes: store.diskUse(),
    ballast_bytes: ballast.size(),
    file_systems: seen.map((one) => shown(one, floors)),
  };
}

function shown({ path, level, space }: FileSystemView, floors: Floors): DiskFileSystem {
  const { freeBytes, freeInodes, totalBytes, totalInodes } = space;
  return {
    path,
    level,
    free_bytes: freeBytes,
    total_bytes: totalBytes,
    free_inodes: freeInodes,
    total_inodes: totalInodes,
    floors: {
      warn: floorBytes(floors.warn, totalBytes),
      refuse: floorBytes(floors.refuse, totalBytes),
      relieve: floorBytes(floors.relieve, totalBytes),
      stop: floorBytes(floors.stop, totalBytes),
    },
  };
}

/** The file system that is worst off; null when none was seen yet. */
export function summaryOf({ store }: Pick<Setting, "store">, levels: Levels): DiskSummary | null {
  const all = [...levels.values()];
  const worst = all.toSorted((a, b) => (isAtLeast(a.level, b.level) ? -1 : 1))[0];
  if (worst === undefined) return null;
  return {
    used_bytes: store.diskUse(),
    level: worst.level,
    path: worst.path,
    free_bytes: worst.space.freeBytes,
    total_bytes: worst.space.totalBytes,
  };
}
