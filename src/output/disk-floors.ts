/**
 * Floors of free space, and the level of a file system among them. Pure.
 *
 *   level     free space is below      what happens (each level does all that is above it, too)
 *   --------  -----------------------  ---------------------------------------------------------
 *   fine      no floor                 nothing
 *   warn      `disk_warn_free`         it is told
 *   refuse    `disk_admit_free`        no new agent is admitted
 *   relieve   `disk_relief_free`       what is kept of ended agents is compressed and pruned
 *   stop      `disk_stop_free`         the agent that writes most is stopped, one at a time
 *
 * A level is left only when a tenth more than its floor is free, so that a disk that stands at
 * a floor does not flicker.
 */
import { GIB, KIB, MIB, TIB } from "../kernel/units.ts";

/** From the best to the worst. */
export const DISK_LEVELS = ["fine", "warn", "refuse", "relieve", "stop"] as const;
export type DiskLevel = (typeof DISK_LEVELS)[number];

/**
 * A floor: a share of the file system, a size, or the smaller of the two, so that a disk of
 * 10 TB does not call 1.5 TB little. Null: not said. Both null: there is no floor.
 */
export interface Floor {
  /** 0 < percent < 100. */
  readonly percent: number | null;
  /** > 0. */
  readonly bytes: number | null;
}

export type Floors = { readonly [L in Exclude<DiskLevel, "fine">]: Floor };

/** What a file system has, as `df` counts it for an ordinary user. */
export interface Space {
  /** Used and available. Bytes. */
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** 0 where the file system does not count them. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** How a floor is written: `15%`, `5GiB`, `15%,5GiB` (the smaller of the two), `0` (none). */
export const FLOOR_PATTERN = /^(?:0|(?:\d{1,2}(?:\.\d+)?%)(?:,\d+(?:[KMGT]iB))?|\d+(?:[KMGT]iB))$/;

const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: KIB, MiB: MIB, GiB: GIB, TiB: TIB };
/** A floor of n % is never more than n thousand inodes: an agent needs about thirty. */
const INODES_PER_PERCENT = 1_000;
/** A level is left when a tenth more than its floor is free. */
const RECOVERY_SHARE = 10;

/** Reads a floor. @param text  Must match {@link FLOOR_PATTERN}. */
export function parseFloor(text: string): Floor {
  const percent = /^([\d.]+)%/.exec(text)?.[1];
  const [, count, unit = ""] = /(\d+)([KMGT]iB)$/.exec(text) ?? [];
  return {
    percent: percent === undefined || Number(percent) === 0 ? null : Number(percent),
    bytes: count === undefined || Number(count) === 0 ? null : Number(count) * UNIT_BYTES[unit]!,
  };
}

/** Free bytes below which a floor is broken, on a file system of that size; 0 when there is no floor. */
export function floorBytes({ percent, bytes }: Floor, totalBytes: number): number {
  const share = percent === null ? null : Math.floor((totalBytes * percent) / 100);
  return Math.min(share ?? bytes ?? 0, bytes ?? share ?? 0);
}

/** Free inodes below which a floor is broken; 0 where none are counted, or the floor is no share. */
export function floorInodes({ percent }: Floor, totalInodes: number): number {
  if (percent === null) return 0;
  return Math.floor(Math.min((totalInodes * percent) / 100, percent * INODES_PER_PERCENT));
}

/**
 * The level of a file system.
 * @param previous  Its level at the last look: it is left later than it is entered.
 */
export function levelOf(space: Space, floors: Floors, previous: DiskLevel): DiskLevel {
  return DISK_LEVELS.findLast(
    (level) => level === "fine" || isBroken(space, floors[level], isAtLeast(previous, level)),
  )!;
}

function isBroken(space: Space, floor: Floor, wasBroken: boolean): boolean {
  const needed = (least: number): number => (wasBroken ? recovered(least) : least);
  return (
    space.freeBytes < needed(floorBytes(floor, space.totalBytes)) ||
    space.freeInodes < needed(floorInodes(floor, space.totalInodes))
  );
}

function recovered(floor: number): number {
  return floor + Math.floor(floor / RECOVERY_SHARE);
}

/** How much must be free for a floor not to hold any more, given that it does. Bytes, inodes. */
export function missingTo(floor: number, free: number): number {
  return free < floor ? floor : recovered(floor);
}

/** True when a level is as bad as another one, or worse. */
export function isAtLeast(level: DiskLevel, other: DiskLevel): boolean {
  return DISK_LEVELS.indexOf(level) >= DISK_LEVELS.indexOf(other);
}

/** The ballast takes at most this share of a small disk. */
const BALLAST_SHARE = 16;

/** How large the ballast is to be on a file system of that size. Bytes. */
export function ballastBytes(configured: number, totalBytes: number): number {
  return Math.min(configured, Math.floor(totalBytes / BALLAST_SHARE));
}

/** Room inside the store: for the ends of a few hundred agents. */
const STORE_ROOM_BYTES = MIB;

/** How much of the database is to be free pages, beside a ballast of that size. Bytes. */
export function storeRoomBytes(ballastSize: number): number {
  return Math.min(STORE_ROOM_BYTES, Math.floor(ballastSize / 2));
}

/** True when so much could be taken and agents would still be admitted, with the margin of a recovery. */
export function hasRoomFor(bytes: number, space: Space, floors: Floors): boolean {
  return space.freeBytes - bytes >= recovered(floorBytes(floors.refuse, space.totalBytes));
}
