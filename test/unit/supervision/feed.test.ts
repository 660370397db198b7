/** Which messages go into an input, when, and what is left to answers. */
import { beforeEach, describe, expect, test } from "vitest";
import type { MessageRecord } from "../../../src/agents/message.ts";
import type { AgentRecord } from "../../../src/agents/record.ts";
import type { CorralEvent } from "../../../src/contract/events.ts";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { codexHarness } from "../../../src/harness/codex.ts";
import type { Passing } from "../../../src/supervision/agent-input.ts";
import { feedAgents, isCarried, isHeeding } from "../../../src/supervision/feed.ts";
import type { Setting } from "../../../src/supervision/setting.ts";

const AGENT = {
  id: "a",
  directory: "/agents/a",
  harness: "claude",
  status: "running",
} as AgentRecord;
const MESSAGE: MessageRecord = {
  seq: 1,
  id: "MSG-000000000001",
  taskId: "T",
  agentId: "a",
  sender: "orchestrator",
  relation: "orchestrator",
  text: "Leave it, s3cr3t.",
  sentAt: 0,
  offers: 0,
  carrier: null,
  way: null,
  deliveredAt: null,
  consumedAt: null,
  evidence: null,
};
const ON_INPUT = { ...MESSAGE, offers: 1, carrier: "a", way: "input" } as const;

/** What happened, in order. */
let steps: string[];
let lines: string[];
let open: MessageRecord[];
let isOpen: boolean;
let lies: Passing;
let refuses: Error | null;
let agent: AgentRecord;
let tell: (kind: CorralEvent["kind"]) => void;

function setting(): Setting {
  return {
    store: {
      onEvent: (listener: (event: CorralEvent) => void) => {
        tell = (kind) => listener({ kind, agent_id: agent.id } as CorralEvent);
        return () => undefined;
      },
      agent: () => agent,
      unfinishedAgents: () => [agent],
      openMessages: () => open,
      offerMessages: (ids: readonly string[], carrier: string, way: string) =>
        steps.push(`offer ${ids.join()} ${carrier} ${way}`),
    },
    inputs: {
      isOpen: () => isOpen,
      passing: () => lies,
      put(_directory: string, id: string, line: string) {
        if (refuses !== null) throw refuses;
        steps.push(`put ${id}`);
        lines.push(line);
        return true;
      },
    },
    harnessOf: (name: string) => (name === "claude" ? claudeHarness : codexHarness),
    secrets: { text: (text: string) => text.replaceAll("s3cr3t", "[secret]") },
    log: { warn: (event: string) => steps.push(event) },
  } as unknown as Setting;
}

beforeEach(() => {
  steps = [];
  lines = [];
  open = [MESSAGE];
  isOpen = true;
  lies = "waits";
  refuses = null;
  agent = AGENT;
});

describe("what is put in", () => {
  test("each message that nothing holds, written down before, in order, without secrets", () => {
    open = [MESSAGE, { ...MESSAGE, seq: 2, id: "MSG-000000000002" }];
    feedAgents(setting());
    expect(steps).toEqual([
      "offer MSG-000000000001 a input",
      "put MSG-000000000001",
      "offer MSG-000000000002 a input",
      "put MSG-000000000002",
    ]);
    const said = JSON.parse(lines[0] ?? "") as { message: { content: [{ text: string }] } };
    expect(said.message.content[0].text).toBe(
      "A message to you:\nMSG-000000000001 from the orchestrator, sent 1970-01-01T00:00:00.000Z:\n| Leave it, [secret].",
    );
  });

  test.for(["message.queued", "agent.running"] as const)("at once after %s", (kind) => {
    open = [];
    feedAgents(setting());
    open = [MESSAGE];
    tell("agent.activity");
    expect(steps).toEqual([]);
    tell(kind);
    expect(steps).toContain("put MSG-000000000001");
  });

  test("what an earlier daemon had written down, and not written down again", () => {
    open = [ON_INPUT];
    feedAgents(setting());
    expect(steps).toEqual(["put MSG-000000000001"]);
  });

  test.for([
    ["an answer holds it", { way: "answer", carrier: "a", offers: 1 }, {}],
    ["its prompt holds it", { way: "resume", carrier: "a", offers: 1 }, {}],
    ["its CLI has it", { ...ON_INPUT, deliveredAt: 5 }, {}],
    ["its agent has not started", {}, { status: "starting" }],
    ["its agent is being stopped", {}, { status: "stopping" }],
    ["its CLI takes none while it works", {}, { harness: "codex" }],
  ] as const)("not when %s", ([, message, over]) => {
    open = [{ ...MESSAGE, ...message }];
    agent = { ...AGENT, ...over };
    feedAgents(setting());
    expect(steps).toEqual([]);
  });

  test("nothing where nobody reads, so that answers bring it", () => {
    isOpen = false;
    feedAgents(setting());
    expect(steps).toEqual([]);
  });

  test("what an earlier run was handed goes to the one that carries it on by its prompt alone", () => {
    open = [{ ...MESSAGE, agentId: "before", carrier: "a", way: "resume", offers: 2 }];
    feedAgents(setting());
    expect(steps).toEqual([]);
  });

  test("a failure is logged, and the next sign of life tries again", () => {
    refuses = new Error("ENOSPC");
    feedAgents(setting());
    expect(steps).toEqual(["offer MSG-000000000001 a input", "message.not_told"]);
    refuses = null;
    open = [ON_INPUT];
    tell("message.queued");
    expect(steps.at(-1)).toBe("put MSG-000000000001");
  });
});

describe("what the input carries is in no answer", () => {
  test.for([
    ["it lies there and is read", "waits", true, true],
    ["it was passed on", "passed", true, true],
    ["it was passed on, and the input is closed", "passed", false, true],
    ["it lies there and nobody reads", "waits", false, false],
    ["it could not be laid down", "absent", true, false],
  ] as const)("%s", ([, state, isRead, carried]) => {
    lies = state;
    isOpen = isRead;
    expect(isCarried(setting(), AGENT, ON_INPUT)).toBe(carried);
  });

  test("what it never had, what its CLI has said it has, and what another run's had", () => {
    expect(isCarried(setting(), AGENT, MESSAGE)).toBe(false);
    expect(isCarried(setting(), AGENT, { ...ON_INPUT, deliveredAt: 5 })).toBe(false);
    expect(isCarried(setting(), AGENT, { ...ON_INPUT, carrier: "before" })).toBe(false);
  });

  test("a failed look is no absence", () => {
    const blind = setting();
    const fails = (): never => {
      throw new Error("EIO");
    };
    const inputs = { ...blind.inputs, passing: fails };
    expect(isCarried({ ...blind, inputs }, AGENT, ON_INPUT)).toBe(true);
  });
});

test.for([
  ["on its way", ON_INPUT, true],
  ["with its CLI, and not read", { ...ON_INPUT, deliveredAt: 5 }, true],
  ["in an answer", { ...MESSAGE, way: "answer", carrier: "a", deliveredAt: 5 }, false],
  ["queued for an answer", MESSAGE, false],
] as const)("a claim waits for what the input brings: %s", ([, message, heeds]) => {
  open = [message];
  expect(isHeeding(setting(), AGENT)).toBe(heeds);
});
