/** The demo's agents: who they are and how they are started. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

export type CastName = "fixer" | "investigator" | "counter" | "crasher" | "hydra";

/** One agent that the demo deploys itself. */
export interface CastMember {
  readonly type: CastName;
  /** What it is told, and what people are told about it. */
  readonly mission: string;
  /** How it has to end for the demo to be a success. */
  readonly ends: "completed" | "failed" | "killed";
}

export const CAST: readonly CastMember[] = [
  {
    type: "fixer",
    mission: "Find the bug that makes the tests fail, fix it and run the tests again.",
    ends: "completed",
  },
  {
    type: "investigator",
    mission: "Read the repository, report what is wrong, and let a child count its lines.",
    ends: "completed",
  },
  { type: "crasher", mission: "Crash with SIGSEGV in the middle of the work.", ends: "failed" },
  {
    type: "hydra",
    mission: "Leave daemons behind that hide from ordinary clean-up, and do not end.",
    ends: "killed",
  },
];

/** The argv of a demo agent; plain Node, the same program that runs Corral. */
export function agentCommand(name: CastName): readonly string[] {
  // A checkout runs the sources, the published package what was built from them.
  const ending = extname(import.meta.url);
  const script = fileURLToPath(new URL(`./agents/${name}${ending}`, import.meta.url));
  return [process.execPath, script];
}
