/** `/metrics` over real sockets: who may scrape, and what a scraper reads. */
import { describe, expect, test } from "vitest";
import { counting, type Figures } from "../../src/supervision/figures.ts";
import { NO_SAMPLE } from "../../src/supervision/sampling/sample.ts";
import { metricsText } from "../../src/surface/metrics/metrics-text.ts";
import { overLoopback, overSocket, SCRAPE_TOKEN, serving } from "../helpers/serving.ts";

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("who may scrape", () => {
  test("the scrape token opens the metrics, and nothing else", async () => {
    const to = await serving();
    const answer = await overLoopback(to, "/metrics", bearer(SCRAPE_TOKEN));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.text).toContain('corral_info{version="0.0.0-test"} 1');
    expect(answer.text).toContain('corral_agents{status="running"} 1');
    for (const path of ["/api/health", "/api/overview", "/api/tools/list_tasks", "/mcp"]) {
      expect([path, (await overLoopback(to, path, bearer(SCRAPE_TOKEN))).status]).toEqual([
        path,
        401,
      ]);
    }
  });

  test("a client may, over loopback and socket; an agent, a stranger and a browser without a session may not", async () => {
    const to = await serving();
    expect((await overLoopback(to, "/metrics")).status).toBe(200);
    expect((await overSocket(to, "/metrics")).status).toBe(200);
    const { token } = await to.operations.seed();
    expect((await overLoopback(to, "/metrics", bearer(token))).status).toBe(403);
    expect((await overLoopback(to, "/metrics", bearer("guess"))).status).toBe(401);
    expect(
      (await overLoopback(to, "/metrics", { headers: { authorization: undefined } })).status,
    ).toBe(401);
    // The token is for scrapers on loopback; the socket has its file mode.
    expect((await overSocket(to, "/metrics", bearer(SCRAPE_TOKEN))).status).toBe(401);
  });

  test("another site may not, and another method is told which there is", async () => {
    const to = await serving();
    const foreign = { ...bearer(SCRAPE_TOKEN).headers, origin: "https://example.org" };
    expect((await overLoopback(to, "/metrics", { headers: foreign })).status).toBe(403);
    const posted = await overLoopback(to, "/metrics", { ...bearer(SCRAPE_TOKEN), body: {} });
    expect([posted.status, posted.headers["allow"]]).toEqual([405, "GET"]);
  });
});

describe("what a scraper reads", () => {
  const figures = (over: Partial<Figures> = {}): Figures => ({
    version: "1",
    startedAt: 1_000,
    own: { fds: null, fdsLimit: null, memoryBytes: 5, cpuMs: 1_500 },
    live: new Map(),
    held: 0,
    stuck: 0,
    standing: [],
    notices: { pending: 0, dropped: 0 },
    sampling: { looks: 0, spentMs: 0, lookers: 0 },
    together: null,
    all: NO_SAMPLE,
    agents: [],
    agentsLeftOut: 0,
    fileSystems: [],
    counts: counting(),
    ...over,
  });
  const agent = {
    agent_id: "fixer-1",
    task_id: "T1",
    sample: { ...NO_SAMPLE, memory_bytes: 7, cpu_ms_per_s: 1_500, cost_microusd: 2_500_000 },
    listens: [],
  };

  test("is what is known, in base units, and no line for what is not", async () => {
    const together = {
      memoryBytes: 1,
      memoryLimitBytes: 4_096,
      memoryKills: null,
      memoryNeededBytes: 1,
      cpuMs: null,
      tasks: 1,
      tasksLimit: null,
    };
    const { text } = await metricsText(figures({ agents: [agent], together }));
    expect(text).toContain("corral_memory_limit_bytes 4096");
    expect(text).not.toMatch(/^corral_threads_limit /m);
    expect(text).toContain("corral_daemon_cpu_seconds_total 1.5");
    expect(text).toContain('corral_agent_cpu_cores{agent_id="fixer-1",task_id="T1"} 1.5');
    expect(text).toContain('corral_agent_cost_usd_total{agent_id="fixer-1",task_id="T1"} 2.5');
    expect(text).not.toMatch(/^corral_daemon_open_files /m);
    expect(text).not.toMatch(/^corral_agent_tokens_total\{/m);
    // Of an agent that has ended nothing is left.
    expect((await metricsText(figures())).text).not.toContain("fixer-1");
  });

  test("counts tool calls by outcome and time, and events by kind", async () => {
    const counts = counting();
    const call = { caller: "client", taskId: null, agentId: null, startedAt: 0 } as const;
    counts.onCall({ ...call, name: "list_tasks", endedAt: 500, fault: null });
    counts.onCall({ ...call, name: "list_tasks", endedAt: 250, fault: null });
    counts.onCall({ ...call, name: "kill_real_agent", endedAt: 1, fault: "AGENT_NOT_FOUND" });
    counts.onCall({ ...call, name: "kill_real_agent", endedAt: 1, fault: "INTERNAL" });
    const settled = { seq: 1, at: "", task_id: "T1", agent_id: "a", facts: { status: "failed" } };
    counts.onEvent({ ...settled, kind: "agent.settled" });
    const { text } = await metricsText(figures({ counts }));
    expect(text).toContain('corral_tool_calls_total{tool="list_tasks",outcome="ok"} 2');
    expect(text).toContain('corral_tool_seconds_total{tool="list_tasks",outcome="ok"} 0.75');
    expect(text).toContain('corral_tool_calls_total{tool="kill_real_agent",outcome="refused"} 1');
    expect(text).toContain('corral_tool_calls_total{tool="kill_real_agent",outcome="bug"} 1');
    expect(text).toContain('corral_agents_settled_total{status="failed"} 1');
    expect(text).toContain('corral_events_total{kind="agent.settled"} 1');
  });

  test("is safe whatever a path is called", async () => {
    const floors = { warn: 0, refuse: 0, relieve: 0, stop: 0 };
    const odd = 'a"b\\c\nd';
    const fileSystem = {
      path: odd,
      level: "warn" as const,
      free_bytes: 1,
      total_bytes: 2,
      free_inodes: 1,
      total_inodes: 1,
      floors,
    };
    const { text } = await metricsText(figures({ fileSystems: [fileSystem] }));
    expect(text).toContain(String.raw`corral_disk_free_bytes{path="a\"b\\c\nd"} 1`);
  });
});
