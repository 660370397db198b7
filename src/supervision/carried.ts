/** The conversation that a resumed agent goes on with, as files. */
import type { Harness, HarnessRequest } from "../harness/harness.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentRecord } from "../agents/record.ts";
import type { Resumption, RunPlan } from "./plan-run.ts";
import type { Setting } from "./setting.ts";

/**
 * Sees that the conversation is there, where files show it.
 * @returns what has to be copied of it; null for nothing.
 * @throws {Fault} RESUME_REFUSED when it is gone.
 */
export function carryOf(
  setting: Setting,
  harness: Harness,
  resumes: Resumption | undefined,
  environment: HarnessRequest["environment"],
  directory: string,
): RunPlan["carry"] {
  if (resumes === undefined) return null;
  const { agent } = resumes;
  const earlier = { session: agent.cliSession ?? "", directory: agent.directory, environment };
  const place = harness.resume?.place(earlier) ?? null;
  if (place === null) return null;
  const { carryTo, extensions, nameEnds, root } = place;
  const endings = extensions.map((extension) => `${nameEnds}${extension}`);
  if (!setting.files.hasFile(root, endings)) throw sessionGone(agent);
  return carryTo === null ? null : { from: root, to: `${directory}/${carryTo}` };
}

function sessionGone(agent: AgentRecord): Fault {
  return new Fault(
    "RESUME_REFUSED",
    `The conversation of "${agent.id}" is gone: its CLI has no file of it.`,
    {
      hint: "Deploy a new agent on the task with deploy_headless_agent, and tell it what it has to know.",
      details: { agent_id: agent.id, status: agent.status, why: "session_gone" },
    },
  );
}
