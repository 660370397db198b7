import { describe, expect, test } from "vitest";
import type { AgentView } from "../../../src/contract/agent.ts";
import type { WaitAnswer } from "../../../src/contract/api.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import type { ApiClient } from "../../../src/contract/client.ts";

import { anAgent, aReceipt, corral, HEALTH } from "./fake-ports.ts";
import type { CliPorts } from "../../../src/surface/cli/ports.ts";

const ONE = anAgent("fixer-101010-aaaaaa");
const TWO = anAgent("fixer-101011-bbbbbb");
/** Prints nowhere; for tests that look at something else. */
const A_TERMINAL = {
  isTty: false,
  colour: false,
  columns: 80,
  line: () => {},
  bytes: async () => {},
  note: () => {},
};
const TASK = {
  task_id: ONE.task_id,
  description: "Mend it",
  status: "open" as const,
  priority: "P2",
  workspace: "/w",
  client_cwd: null,
  created_at: ONE.created_at,
  closed_at: null,
  agents: 2,
  agents_live: 1,
  disk_bytes: 0,
  budget: { tokens: { used: 0, limit: null }, cost_usd: { used: 0, limit: null, untold: 0 } },
};

/** A daemon with two agents that records the tools it is asked for. */
function daemon(over: Partial<ApiClient> = {}): Partial<ApiClient> & { calls: unknown[][] } {
  const calls: unknown[][] = [];
  const tool = async (name: string, input: unknown) => {
    calls.push([name, input]);
    if (name === "create_real_task") return { task_id: "TASK-NEW" };
    return { ...ONE, warnings: [], workspace: "/w", receipt: aReceipt(ONE.agent_id) };
  };
  return {
    calls,
    agents: async () => ({ agents: [ONE, TWO], left_out: 0 }),
    agent: async (id) => {
      const found = [ONE, TWO].find((agent) => agent.agent_id === id);
      if (found === undefined) throw new Fault("AGENT_NOT_FOUND", "none", { hint: "h" });
      return found;
    },
    tasks: async () => ({ tasks: [TASK], next_cursor: null }),
    tool: tool as unknown as ApiClient["tool"],
    ...over,
  };
}

const ended = (agent: AgentView, status: AgentView["status"]): AgentView => ({ ...agent, status });

describe("ids", () => {
  test("may be abbreviated to a unique beginning", async () => {
    const world = daemon();
    const { exit } = await corral(["kill", "fixer-101011", "--grace", "0.5"], world);
    expect(exit).toBe(0);
    expect(world.calls).toEqual([
      ["kill_real_agent", { task_id: TWO.task_id, agent_id: TWO.agent_id, grace_s: 0.5 }],
    ]);
  });

  test.for([
    ["kill", ""],
    ["logs", ""],
    ["task", "show", ""],
  ])("that are empty name nobody: %s", async (words) => {
    const world = daemon();
    const { exit, err } = await corral(words, world);
    expect(exit).toBe(2);
    expect(err).toMatch(/^INPUT_INVALID: The id of the \w+ is empty\.\nNext: Run "corral /);
    expect(world.calls).toEqual([]);
  });

  test("that fit several agents are refused, and name them", async () => {
    const { exit, err } = await corral(["kill", "fixer"], daemon());
    expect(exit).toBe(2);
    expect(err).toContain(`${ONE.agent_id}, ${TWO.agent_id}`);
  });

  test("that fit none are not found", async () => {
    expect((await corral(["kill", "builder"], daemon())).exit).toBe(3);
  });
});

describe("wait", () => {
  const waiting = (answers: WaitAnswer[]) =>
    daemon({ wait: async () => answers.shift() ?? { agents: [], timed_out: true } });

  test("goes on over several requests until the agents have ended", async () => {
    const world = waiting([
      { agents: [ONE], timed_out: true },
      { agents: [ended(ONE, "completed")], timed_out: false },
    ]);
    const { exit, did } = await corral(["wait", ONE.agent_id], world);
    expect(exit).toBe(0);
    expect(did).toEqual(["ensureDaemon"]);
  });

  test("exits 1 when one of them did not complete", async () => {
    const agents = [ended(ONE, "completed"), ended(TWO, "failed")];
    const world = waiting([{ agents, timed_out: false }]);
    expect((await corral(["wait", "--task", TASK.task_id], world)).exit).toBe(1);
  });

  test("exits 4 when the time is over", async () => {
    const world = waiting([{ agents: [ONE], timed_out: true }]);
    expect((await corral(["wait", ONE.agent_id, "--timeout", "0"], world)).exit).toBe(4);
  });
});

describe("deploy", () => {
  const refused = new Fault("CWD_UNUSABLE", "It does not exist.", { hint: "Call close_task." });
  const usual = ["--type", "counter", "--prompt", "p"];
  const refusing = (): ReturnType<typeof daemon> => {
    const world = daemon();
    const answer = world.tool as (name: string, input: unknown) => Promise<unknown>;
    const tool = async (name: string, input: unknown) => {
      const answered = await answer(name, input);
      if (name === "deploy_headless_agent") throw refused;
      return answered;
    };
    return { ...world, tool: tool as unknown as ApiClient["tool"] };
  };

  test("a task that was made for an agent that is refused is closed again", async () => {
    const world = refusing();
    const { exit, err } = await corral(
      ["deploy", "--describe", "Count all lines", ...usual],
      world,
    );
    expect([exit, err]).toEqual([
      2,
      'CWD_UNUSABLE: It does not exist.\nNext: Run "corral task close".\n',
    ]);
    const input = { task_id: "TASK-NEW", outcome: "cancelled", reason: refused.message };
    expect(world.calls.at(-1)).toEqual(["close_task", input]);
  });

  test("a task that was there before stays open", async () => {
    const world = refusing();
    await corral(["deploy", "--task", TASK.task_id, ...usual], world);
    expect(world.calls.map(([name]) => name)).toEqual(["deploy_headless_agent"]);
  });

  test("makes a task, resolves folders, and passes the command on as it is", async () => {
    const world = daemon();
    const words = ["deploy", "--describe", "Count all lines", "--type", "counter", "--cwd", "sub"];
    const more = [
      "--env",
      "A=1",
      "--env",
      "B=x=y",
      "--wall-clock",
      "60",
      "--on-quota",
      "wait",
      "--json",
      "--",
      "wc",
      "-l",
      "--json",
    ];
    const { exit } = await corral([...words, ...more], world);
    expect(exit).toBe(0);
    expect(world.calls).toEqual([
      ["create_real_task", { description: "Count all lines", client_cwd: "/home/a/project/sub" }],
      [
        "deploy_headless_agent",
        {
          task_id: "TASK-NEW",
          agent_type: "counter",
          prompt: "Run: wc -l --json",
          cwd: "/home/a/project/sub",
          on_quota: "wait",
          env: { A: "1", B: "x=y" },
          limits: { wall_clock_s: 60 },
          command: ["wc", "-l", "--json"],
        },
      ],
    ]);
  });

  test("reads its prompt from a file and waits for the end", async () => {
    const world = daemon({
      wait: async () => ({ agents: [ended(ONE, "failed")], timed_out: false }),
    });
    const argv = [
      "deploy",
      "--task",
      "TASK-2026",
      "--type",
      "fixer",
      "--prompt-file",
      "-",
      "--wait",
    ];
    const { exit, out } = await corral(argv, world);
    expect(exit).toBe(1);
    expect(world.calls[0]?.[1]).toMatchObject({ task_id: TASK.task_id, prompt: "text of -" });
    expect(out).toContain("failed");
  });

  test.for([
    ["deploy", "--describe", "Count all lines", "--type", "x"],
    ["deploy", "--type", "x", "--prompt", "p"],
    ["deploy", "--describe", "d", "--task", "t", "--type", "x", "--prompt", "p"],
    ["deploy", "--task", "t", "--type", "x", "--prompt", "p", "--prompt-file", "f"],
  ])("%j is refused before anything is started", async (argv) => {
    const world = daemon();
    const { exit, did } = await corral(argv, world);
    expect({ exit, did, calls: world.calls }).toEqual({ exit: 2, did: [], calls: [] });
  });
});

describe("logs", () => {
  const bytes = Buffer.from("one\ntwo\nthree\n");
  const printing = daemon({
    stream: async (_, { from = 0, maxBytes = 1 } = {}) => {
      const part = bytes.subarray(from, from + maxBytes);
      const data = part.toString("base64");
      return { data, from, next: from + part.length, size: bytes.length, ended: true };
    },
  });

  test("prints the bytes as they are, from the last lines on", async () => {
    expect((await corral(["logs", ONE.agent_id], printing)).out).toBe("one\ntwo\nthree\n");
    expect((await corral(["logs", ONE.agent_id, "--tail", "2"], printing)).out).toBe(
      "two\nthree\n",
    );
  });

  test("renders for people, or for programs", async () => {
    const pretty = await corral(["logs", "-f", "--pretty", "--tail", "1", ONE.agent_id], printing);
    expect(pretty.out).toBe("pretty three\n");
    const following = await corral(["logs", "-f", "--json", "--tail", "1", ONE.agent_id], printing);
    expect(following.out).toBe('{"offset":8,"line":"three"}\n');
    const whole = await corral(["logs", "--json", ONE.agent_id], printing);
    expect(JSON.parse(whole.out)).toMatchObject({ agent_id: ONE.agent_id, lines: { length: 3 } });
  });

  test("is what attach shows where there is no terminal", async () => {
    const { out, did } = await corral(["attach", ONE.agent_id], printing);
    expect(out).toBe("pretty one\npretty two\npretty three\n");
    expect(did).toEqual([]);
  });
});

test("attach asks tmux for exactly the agent's session", async () => {
  const lines: string[] = [];
  const terminal = {
    isTty: true,
    colour: false,
    columns: 80,
    line: (text: string) => void lines.push(text),
    bytes: async () => {},
    note: () => {},
  };
  const { did } = await corral(["attach", ONE.agent_id], daemon(), { terminal });
  expect(did).toEqual([
    `runInTerminal ["tmux","-S","/srv/corral/tmux.sock","attach","-t","=agent_${ONE.agent_id}"]`,
  ]);
});

describe("the two stops", () => {
  const answer = { mode: "end" as const, agents_ended: 2, agents_kept: 0 };

  test("wait until the daemon's process is gone", async () => {
    const leaving = daemon({ leave: async () => ({ ...answer, receipts: [aReceipt("a")] }) });
    const { exit, did } = await corral(["down"], leaving);
    expect({ exit, did }).toEqual({ exit: 0, did: [`daemonGone ${HEALTH.pid}`] });
  });

  test("exit 6 when something is stuck, and name it", async () => {
    const stuck = { ...aReceipt("a"), survivors: [{ pid: 7, name: "sleep" }] };
    const leaving = daemon({ leave: async () => ({ ...answer, receipts: [stuck] }) });
    const { exit, out, err } = await corral(["down"], leaving);
    expect(exit).toBe(6);
    expect(out).toContain("process 7 (sleep) is still alive");
    expect(err).toContain("corral sweep --apply");
  });

  test("exit 6 when the process does not go", async () => {
    const leaving = daemon({ leave: async () => ({ ...answer, receipts: [] }) });
    const { exit } = await corral(["down"], leaving, { daemonGone: async () => false });
    expect(exit).toBe(6);
  });

  test.for([
    ["down", ["offline ledger"]],
    ["detach", []],
  ] as const)("%s without a daemon says so and is done", async ([verb, looks]) => {
    const { exit, out, did } = await corral([verb], null);
    expect({ exit, did }).toEqual({ exit: 0, did: looks });
    expect(out).toBe("No daemon is running here.\n");
  });
});

describe("archive export", () => {
  test("masks secrets, in this process, whether a daemon lives or not", async () => {
    for (const daemonOrNone of [daemon({}), null]) {
      const { did, exit, out } = await corral(
        ["archive", "export", "fixer-1", "out"],
        daemonOrNone,
      );
      expect({ did, exit }).toEqual({
        did: ["export fixer-1 redacted /home/a/project/out"],
        exit: 0,
      });
      expect(out).toContain("secrets masked");
    }
  });

  test.for([
    [["--unredacted"], "plain"],
    [["--unredacted", "--tar"], "tar"],
  ] as const)("%j is as it lies on the disk, and says so", async ([options, as]) => {
    const argv = ["archive", "export", "fixer-1", "/o", ...options];
    const { did, out } = await corral(argv, null);
    expect(did).toEqual([`export fixer-1 ${as} /o`]);
    expect(out).toContain("with whatever secrets are in it");
  });

  test("is the daemon's where nobody else can read its store, but never with secrets in it", async () => {
    const offline = {
      readArchives: async () => {
        throw new Fault("STATE_LOCKED", "The daemon keeps it.", { hint: "Ask the daemon." });
      },
    } as unknown as CliPorts["offline"];
    const asked: unknown[] = [];
    const living = daemon({
      agent: async (id) => anAgent(id),
      exportArchive: async (id, input) => {
        asked.push([id, input]);
        return { to: input.to, files: 1, bytes: 1, redacted: true };
      },
    });
    const argv = ["archive", "export", "fixer-1", "/o"];
    expect((await corral(argv, living, { offline })).exit).toBe(0);
    expect(asked).toEqual([["fixer-1", { to: "/o" }]]);
    const plain = await corral([...argv, "--unredacted"], living, { offline });
    expect(plain.err).toContain("STATE_LOCKED");
    expect(asked).toHaveLength(1);
  });

  test("the archive itself is no export without secrets", async () => {
    const { did, err, exit } = await corral(["archive", "export", "fixer-1", "/o", "--tar"], null);
    expect({ did, exit }).toEqual({ did: [], exit: 2 });
    expect(err).toContain("--unredacted");
  });

  test.for(["CORRAL_TOKEN", "CORRAL_AGENT_ID"])(
    "not --unredacted where %s is set",
    async (name) => {
      const argv = ["archive", "export", "fixer-1", "/o", "--unredacted"];
      const { did, err } = await corral(argv, null, { env: { [name]: "x" } });
      expect(did).toEqual([]);
      expect(err).toContain("FORBIDDEN");
    },
  );
});

describe("with the daemon dead", () => {
  test("archives are listed and pruned without it", async () => {
    expect((await corral(["archive", "list"], null)).out).toBe("No archives.\n");
    const pruned = await corral(["archive", "prune", "--keep", "0", "--dry-run"], null);
    expect(pruned.did).toEqual(['offline prune {"dry_run":true,"keep_bytes":0}']);
  });

  test("ledger and sweep work without it, and start none", async () => {
    expect((await corral(["ledger"], null)).did).toEqual(["offline ledger"]);
    expect((await corral(["sweep", "--apply"], null)).did).toEqual([
      'offline sweep {"apply":true}',
    ]);
  });

  test("verbs that only look start none and exit 6", async () => {
    for (const argv of [["status"], ["task", "list"]]) {
      const run = await corral(argv, null, { client: async () => DEAD });
      expect({ exit: run.exit, did: run.did }).toEqual({ exit: 6, did: [] });
    }
  });

  test("a daemon that fails is not a dead one: nothing happens behind its back", async () => {
    const failing = {
      health: async () => {
        throw new Fault("DAEMON_STOPPING", "It is leaving.", { hint: "Wait." });
      },
    };
    const { exit, did } = await corral(["sweep", "--apply"], failing);
    expect({ exit, did }).toEqual({ exit: 4, did: [] });
  });
});

test("a daemon that left in the middle of an answer may still be at work: nothing is done without it", async () => {
  const leaving = {
    health: async () => {
      throw new Fault("DAEMON_UNREACHABLE", "It left.", { hint: "h", details: { sent: true } });
    },
  };
  const { exit, did } = await corral(["sweep", "--apply"], leaving);
  expect({ exit, did }).toEqual({ exit: 6, did: [] });
});

const unreachable = async () => {
  throw new Fault("DAEMON_UNREACHABLE", "none", { hint: "h", details: { sent: false } });
};
const DEAD = {
  health: unreachable,
  tasks: unreachable,
  alerts: unreachable,
} as unknown as ApiClient;

test("a sweep that left something stuck exits 6", async () => {
  const step = {
    kind: "token",
    locator: "t",
    owner: null,
    why: "w",
    outcome: "stuck" as const,
    seen: null,
  };
  const sweep = async () => ({ plan_id: "plan-0", applied: true, steps: [step], unknown: [] });
  expect((await corral(["sweep", "--apply"], daemon({ sweep }))).exit).toBe(6);
});

test("doctor --orphans asks no daemon, and finding some is no failure", async () => {
  const { exit, out, did } = await corral(["doctor", "--orphans"], null);
  expect({ exit, did }).toEqual({ exit: 0, did: ["orphans"] });
  expect(out).toBe("No orphans of other tools.\n2 of Corral's own are left out.\n");
});

test("a plan is applied by its id, and only with --apply", async () => {
  const asked: unknown[] = [];
  const sweep = async (input: unknown) => {
    asked.push(input);
    return { plan_id: "plan-7", applied: true, steps: [], unknown: [] };
  };
  expect((await corral(["sweep", "--apply", "--plan", "plan-7"], daemon({ sweep }))).exit).toBe(0);
  expect(asked).toEqual([{ apply: true, plan_id: "plan-7" }]);
  const alone = await corral(["sweep", "--plan", "plan-7"], daemon({ sweep }));
  expect({ exit: alone.exit, asked: asked.length }).toEqual({ exit: 2, asked: 1 });
  expect(alone.err).toContain("corral sweep --apply --plan plan-7");
});

test("the ledger shows one owner's rows, released ones only when asked", async () => {
  const row = {
    id: 1,
    kind: "token",
    locator: "t",
    attempts: 0,
    seen: null,
    error: null,
    created_at: "",
    changed_at: "",
  };
  const rows = [
    { ...row, owner: "a-1", state: "held" as const },
    { ...row, owner: "a-1", state: "released" as const },
    { ...row, owner: "b-1", state: "held" as const },
  ];
  const world = daemon({ ledger: async () => ({ rows }) });
  const shown = async (...words: string[]) =>
    JSON.parse((await corral(["ledger", "--json", ...words], world)).out).rows.length as number;
  expect([await shown(), await shown("a"), await shown("a", "--all")]).toEqual([2, 1, 2]);
});

test("up says where it listens and how to connect", async () => {
  const { exit, out } = await corral(["up"], {});
  expect(exit).toBe(0);
  for (const part of [
    HEALTH.url,
    "4242",
    HEALTH.state_dir,
    "claude mcp add corral -- npx corral mcp",
  ]) {
    expect(out).toContain(part);
  }
});

describe("open", () => {
  const url = "http://127.0.0.1:4999/login#code";
  const login = { login: async () => ({ url, ends_at: "2026-01-01T00:02:00.000Z" }) };
  const onTerminal = (openInBrowser: () => Promise<boolean>, did: string[] = []) => ({
    openInBrowser: async (link: string) => {
      did.push(link);
      return await openInBrowser();
    },
    terminal: { ...A_TERMINAL, isTty: true },
  });

  test("builds what is missing, starts the daemon, and prints the link alone on stdout", async () => {
    const { exit, out, err, did } = await corral(["open"], login);
    expect({ exit, out }).toEqual({ exit: 0, out: `${url}\n` });
    expect(did).toEqual(["buildDashboard", "ensureDaemon"]);
    expect(err).toContain("once");
  });

  test("opens a browser for people only, and not when told to print", async () => {
    const opened: string[] = [];
    await corral(
      ["open"],
      login,
      onTerminal(async () => true, opened),
    );
    expect(opened).toEqual([url]);
    await corral(
      ["open", "--print"],
      login,
      onTerminal(async () => true, opened),
    );
    await corral(
      ["open", "--json"],
      login,
      onTerminal(async () => true, opened),
    );
    expect(opened).toEqual([url]);
  });

  test("without a browser says to open the link", async () => {
    const said: string[] = [];
    const over = onTerminal(async () => false);
    const terminal = { ...over.terminal, note: (words: string) => void said.push(words) };
    expect((await corral(["open"], login, { ...over, terminal })).exit).toBe(0);
    expect(said.join()).toContain("Open the link");
  });
});
