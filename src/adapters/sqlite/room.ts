/**
 * Room inside the database: pages that are on the disk and free, and a log that is written over.
 * A full disk has no say in either, nor has whoever fills it.
 */
import type { Store } from "../../supervision/store.ts";
import type { Database } from "./database.ts";

export function roomRows(database: Database): Pick<Store, "keepRoom" | "reuseLog"> {
  const pragma = (name: string): number =>
    Number(Object.values(database.get(`PRAGMA ${name}`) ?? {})[0] ?? 0);
  const checkpoint = (): void => void database.get("PRAGMA wal_checkpoint(PASSIVE)");
  return {
    keepRoom(bytes) {
      const free = pragma("freelist_count") * pragma("page_size");
      if (free >= bytes / 2) return;
      database.run("INSERT INTO room VALUES (zeroblob(?))", bytes - free);
      try {
        // Only now do the pages get their place in the file.
        checkpoint();
      } finally {
        database.run("DELETE FROM room");
        checkpoint();
      }
    },
    reuseLog() {
      try {
        checkpoint();
      } catch {
        // Whatever keeps it from being written back, the ballast may do.
      }
    },
  };
}
