/** The disk as answers show it. All sizes in bytes. */
import { z } from "zod";

const bytes = z.int();

/** From the best to the worst; what each means is in docs/configuration.md. */
export const DiskLevelName = z.enum(["fine", "warn", "refuse", "relieve", "stop"]);

export const DiskFileSystem = z.object({
  path: z.string().describe("a folder on it"),
  level: DiskLevelName,
  free_bytes: bytes,
  total_bytes: bytes,
  free_inodes: z.int(),
  total_inodes: z.int().describe("0 where they are not counted"),
  floors: z
    .object({ warn: bytes, refuse: bytes, relieve: bytes, stop: bytes })
    .describe("free space below which each level begins; 0: never"),
});
export type DiskFileSystem = z.infer<typeof DiskFileSystem>;

/** What Corral takes, and the file systems that it and its agents write to. */
export const DiskReport = z.object({
  used_bytes: bytes.describe("what the files of all agents take, ended ones too"),
  ballast_bytes: bytes.describe("kept for the records of a full disk"),
  file_systems: z.array(DiskFileSystem),
});
export type DiskReport = z.infer<typeof DiskReport>;

/** The same in short: the file system that is worst off. */
export const DiskSummary = z.object({
  used_bytes: bytes.describe("what the files of all agents take, ended ones too"),
  level: DiskLevelName,
  path: z.string(),
  free_bytes: bytes,
  total_bytes: bytes,
});
export type DiskSummary = z.infer<typeof DiskSummary>;
