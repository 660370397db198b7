// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin; that is for windows
/** The thread of matcher-thread.ts: says that it is ready, then answers one question after the other. */
import { parentPort, workerData } from "node:worker_threads";
import {
  type MatcherAnswer,
  type MatcherQuestion,
  type Search,
  SHARED,
} from "./matcher-protocol.ts";
import { scanFile } from "./scan-file.ts";
import { type FindLines, lineFinder } from "./scan-lines.ts";

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
    const found = scanFile(question.range, find, () => {
      Atomics.add(shared, SHARED.beats, 1);
      return !isDropped();
    });
    return found === null ? { dropped: true } : { found };
  }
  const { buffer, byteOffset, length } = question.block;
  return { found: find(Buffer.from(buffer, byteOffset, length)) };
}

parentPort?.on("message", (question: MatcherQuestion) => {
  try {
    parentPort?.postMessage(answer(question));
  } catch (error) {
    // A file that is gone is not the pattern's fault.
    const failed = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ failed } satisfies MatcherAnswer);
  }
});
parentPort?.postMessage("ready");
