/** Reads the repository, reports what it finds, and hands the counting to a child of its own. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { agentCommand } from "../cast.ts";
import { introduceSelf, trackedFiles } from "./self.ts";

/** The child counts a handful of files; a machine that is that slow should say so. */
const CHILD_DEADLINE_MS = 20_000;
const POLL_MS = 250;
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "killed", "timed_out", "lost"]);

interface TaskStatus {
  readonly agents: readonly { readonly agent_id: string; readonly status: string }[];
  readonly findings: readonly { readonly agent_id: string; readonly message: string }[];
}

const self = await introduceSelf();
const sources = trackedFiles(".js").map((path) => ({ path, text: readFileSync(path, "utf8") }));
await self.report("working", 10, `Reading ${sources.length} files of the repository.`);
const childId = await spawnCounter();
const untestedCount = await reportUntested();
const noteCount = await reportNotes();
await self.report("working", 70, `Waiting for my child ${childId}.`);
const child = await childEnd();
await self.report(
  "completed",
  100,
  `Investigated ${sources.length} files: found ${untestedCount} exported functions without a test and ${noteCount} open notes; checked the size with my child, which ended ${child.status} and said: ${child.said}`,
);
await self.link.close();

async function spawnCounter(): Promise<string> {
  const answer = (await self.link.call("spawn_child_agent", {
    task_id: self.taskId,
    parent_agent_id: self.agentId,
    child_agent_type: "counter",
    child_prompt: "Count the lines and functions of every source file and report them.",
    harness: "command",
    command: agentCommand("counter"),
  })) as { readonly agent_id: string };
  return answer.agent_id;
}

async function reportUntested(): Promise<number> {
  const tests = sources.filter(({ path }) => path.endsWith(".test.js"));
  const exported = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^export function (\w+)/gm)].map(([, name = ""]) => ({ path, name })),
  );
  const untested = exported.filter(({ name }) => !tests.some(({ text }) => text.includes(name)));
  for (const { path, name } of untested) {
    await self.find("issue", "medium", `${name} in ${path} has no test.`, { path, name });
  }
  return untested.length;
}

async function reportNotes(): Promise<number> {
  const notes = sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, at) => {
      const note = /\b(?:TODO|FIXME)\b:?\s*(.*)/.exec(line)?.[1];
      return note === undefined ? [] : [{ path, line: at + 1, note }];
    }),
  );
  for (const { path, line, note } of notes) {
    await self.find("issue", "low", `${path}:${line} is still open: ${note}`, { path, line });
  }
  return notes.length;
}

async function childEnd(): Promise<{ readonly status: string; readonly said: string }> {
  const deadline = performance.now() + CHILD_DEADLINE_MS;
  for (;;) {
    const { agents, findings } = (await self.link.call("get_real_task_status", {
      task_id: self.taskId,
    })) as TaskStatus;
    const status = agents.find(({ agent_id }) => agent_id === childId)?.status ?? "unknown";
    if (ENDED.has(status) || performance.now() > deadline) {
      const said = findings.find(({ agent_id }) => agent_id === childId)?.message;
      return { status, said: said ?? "nothing" };
    }
    await sleep(POLL_MS);
  }
}
