// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin; that is for windows
/** The thread of matcher-thread.ts: says that it is ready, then answers one question after the other. */
import { parentPort, workerData } from "node:worker_threads";
import {
  type MatcherAnswer,
  type MatcherQuestion,
  type Search,
  SHARED,
} from "./matcher-protocol.ts";
import { type FindLines, lineFinder } from "./scan-lines.ts";
import { scanRuns } from "./scan-runs.ts";

const shared = new Int32Array(workerData as SharedArrayBuffer);
let current: { readonly number: number; readonly find: FindLines } | null = null;

function finderFor({ number, pattern, plan }: Search): FindLines {
  if (current?.number !== number) current = { number, find: lineFinder(pattern, plan) };
  return current.find;
}

function answer(question: MatcherQuestion): MatcherAnswer {
  const { search } = question;
  const isDropped = (): boolean => Atomics.load(shared, SHARED.dropped) === search.number;
  if (isDropped()) return { dropped: true };
  const find = finderFor(search);
  if ("range" in question) {
    const runs = scanRuns(question.range, find, () => {
      Atomics.add(shared, SHARED.beats, 1);
      return !isDropped();
    });
    return runs === null ? { dropped: true } : { found: { runs } };
  }
  const { buffer, byteOffset, length } = question.block;
  return { found: { starts: find(Buffer.from(buffer, byteOffset, length)) } };
}

/** What was brought of a file is not copied once more. */
function handedOver(said: MatcherAnswer): ArrayBuffer[] {
  const runs = "found" in said && "runs" in said.found ? said.found.runs : [];
  return runs.flatMap(({ around }) =>
    around === null ? [] : [around.bytes.buffer as ArrayBuffer],
  );
}

parentPort?.on("message", (question: MatcherQuestion) => {
  try {
    const said = answer(question);
    parentPort?.postMessage(said, handedOver(said));
  } catch (error) {
    // A file that is gone is not the pattern's fault.
    const failed = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ failed } satisfies MatcherAnswer);
  }
});
parentPort?.postMessage("ready");
