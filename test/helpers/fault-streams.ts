/**
 * Rotates, archives and removes an agent's files as the daemon does, and ends itself by SIGKILL at a
 * chosen step: `node fault-streams.ts JSON`. Without a step it prints the steps that it came by.
 */
import { join } from "node:path";
import { type DurableFiles, durableFiles } from "../../src/adapters/output/durable-files.ts";
import { fileStreams } from "../../src/adapters/output/streams.ts";
import { anAgent, aReceipt } from "../unit/cli/fake-ports.ts";

/** Which agent, in which folder. */
export interface StreamWork {
  readonly folder: string;
  readonly agentId: string;
  readonly segmentBytes: number;
}

/** The nth call of a step, from 1. */
export interface StreamStep {
  readonly step: string;
  readonly nth: number;
  readonly when: "before" | "after";
}

/** Everything that is done with an agent's streams after they are written. */
export async function workOn(work: StreamWork, files: DurableFiles = durableFiles): Promise<void> {
  const { agentId, folder, segmentBytes } = work;
  const directory = join(folder, "agents", agentId);
  const streams = fileStreams({ agents: folder, archives: join(folder, "archive") }, files);
  await streams.rotate(directory, { segmentBytes, all: false }).catch(ignoreAbsence);
  const { manifest } = await streams.archive({
    agentId,
    directory,
    target: streams.archiveOf(agentId),
    segmentBytes,
    facts: {
      corral: "1.2.3",
      archived_at: "2026-01-01T00:00:00.000Z",
      agent: anAgent(agentId),
      receipt: aReceipt(agentId),
    },
  });
  await streams.removeArchived(directory, manifest);
}

/** A second try comes when the first one had removed everything. */
function ignoreAbsence(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

/** Counts every call and, inside a file that is being made, every write. */
function withSteps(reach: (step: string, when: StreamStep["when"]) => void): DurableFiles {
  const around = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    reach(step, "before");
    const answer = await work();
    reach(step, "after");
    return answer;
  };
  return {
    create: (path, fill) =>
      around("create", () =>
        durableFiles.create(path, (append) =>
          fill((bytes) => around("append", () => append(bytes))),
        ),
      ),
    rename: (from, to) => around("rename", () => durableFiles.rename(from, to)),
    link: (from, to) => around("link", () => durableFiles.link(from, to)),
    syncFolder: (path) => around("syncFolder", () => durableFiles.syncFolder(path)),
    remove: (path) => around("remove", () => durableFiles.remove(path)),
    removeFolder: (path) => around("removeFolder", () => durableFiles.removeFolder(path)),
    punch: (path, from, to) => around("punch", () => durableFiles.punch(path, from, to)),
  };
}

if (process.argv[1] === import.meta.filename) {
  const order = JSON.parse(process.argv[2] ?? "{}") as {
    readonly work: StreamWork;
    readonly at: StreamStep | null;
  };
  const counts = new Map<string, number>();
  const files = withSteps((step, when) => {
    const nth = (counts.get(step) ?? 0) + (when === "before" ? 1 : 0);
    counts.set(step, nth);
    const { at } = order;
    if (at !== null && at.step === step && at.nth === nth && at.when === when) {
      process.kill(process.pid, "SIGKILL");
    }
  });
  await workOn(order.work, files);
  process.stdout.write(JSON.stringify([...counts]));
}
