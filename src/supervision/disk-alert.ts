/** What is told when a disk comes to another level, with the next step. */
import { humanBytes } from "../kernel/units.ts";
import { type DiskLevel, floorBytes, type Floors } from "../output/disk-floors.ts";
import type { FileSystemView } from "../output/disk-policy.ts";
import { FLOOR_SETTINGS } from "./configuration.ts";
import type { Setting } from "./setting.ts";
import { withRoom } from "./with-room.ts";

const NEXT_STEPS: { readonly [L in DiskLevel]: string } = {
  fine: "Nothing is to be done: agents are admitted again.",
  warn: "Free some space soon: below disk_admit_free no agent is admitted.",
  refuse: "Free some space: agents run on, and none is admitted until there is more.",
  relieve:
    "Free some space: what is kept of ended agents is being compressed, and the oldest of it deleted.",
  stop: "Free some space: the agent that writes most is stopped, one after another, until there is more.",
};

/** The ballast is for ends. */
const NO_BALLAST = { spend: () => false };

/** Tells it as an event, with the room that the store has of its own, and in the log. Never throws. */
export function diskAlert(
  { log, store }: Pick<Setting, "log" | "store">,
  { path, space, level, previous }: FileSystemView,
  floors: Floors,
): void {
  const facts = {
    alert: "disk",
    level,
    previous,
    path,
    free_bytes: space.freeBytes,
    total_bytes: space.totalBytes,
    free_inodes: space.freeInodes,
    ...(level === "fine"
      ? {}
      : {
          floor_bytes: floorBytes(floors[level], space.totalBytes),
          setting: FLOOR_SETTINGS[level],
        }),
    next_step: NEXT_STEPS[level],
  };
  const { level: diskLevel, ...others } = facts;
  log.warn("disk.level", { ...others, diskLevel, free: humanBytes(space.freeBytes) });
  try {
    withRoom({ ballast: NO_BALLAST, store }, () => store.addEvent({ kind: "alert", facts }));
  } catch (error) {
    log.warn("disk.alert_not_recorded", { cause: String(error) });
  }
}
