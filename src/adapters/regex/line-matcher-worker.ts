// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin; that is for windows
/** The thread of line-matcher.ts: says that it is ready, then answers one block after the other. */
import { parentPort, workerData } from "node:worker_threads";

const pattern = new RegExp(String(workerData));
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

parentPort?.on("message", (block: Uint8Array) => {
  const lines = utf8.decode(block).split("\n");
  // What is behind the last newline is a line only when there is something.
  if (lines.at(-1) === "") lines.pop();
  const numbers: number[] = [];
  for (const [number, line] of lines.entries()) if (pattern.test(line)) numbers.push(number);
  parentPort?.postMessage(numbers);
});
parentPort?.postMessage("ready");
