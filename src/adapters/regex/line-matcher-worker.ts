// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin; that is for windows
/** The thread of line-matcher.ts: says that it is ready, then answers one question after the other. */
import { parentPort, workerData } from "node:worker_threads";
import type { PatternPlan } from "../../output/pattern-plan.ts";
import { type FileRange, scanFile } from "./scan-file.ts";
import { lineFinder } from "./scan-lines.ts";

export interface MatcherWork {
  readonly pattern: string;
  readonly plan: PatternPlan;
  /** Counts up while it goes on. */
  readonly pulse: SharedArrayBuffer;
}

export type MatcherQuestion = { readonly block: Uint8Array } | { readonly range: FileRange };

const { pattern, plan, pulse } = workerData as MatcherWork;
const beats = new Int32Array(pulse);
const find = lineFinder(pattern, plan);

function answer(question: MatcherQuestion): readonly number[] {
  if ("range" in question) {
    return scanFile(question.range, find, () => Atomics.add(beats, 0, 1));
  }
  const { buffer, byteOffset, length } = question.block;
  return find(Buffer.from(buffer, byteOffset, length));
}

parentPort?.on("message", (question: MatcherQuestion) => {
  try {
    parentPort?.postMessage({ found: answer(question) });
  } catch (error) {
    // A file that is gone is not the pattern's fault.
    parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  }
});
parentPort?.postMessage("ready");
