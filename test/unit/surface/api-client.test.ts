/** The API client against the real listener, and against servers that misbehave. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { apiClient } from "../../../src/adapters/http-client/api-client.ts";
import type { CorralEvent } from "../../../src/contract/events.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { serve } from "../../../src/surface/http/serve.ts";
import { CLIENT_TOKEN } from "../../helpers/fake-operations.ts";
import { dashboardIn, recordingLog, serving, testFolder } from "../../helpers/serving.ts";

async function badDaemon(answer: RequestListener): Promise<string> {
  const socketPath = join(await testFolder(), "bad.sock");
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return socketPath;
}

describe("calls", () => {
  test("every method answers what the daemon says, over the socket and over loopback", async () => {
    const to = await serving();
    const { taskId, agentId } = await to.operations.seed();
    for (const client of [
      apiClient({ socketPath: to.socketPath }),
      apiClient({ url: to.served.url, token: CLIENT_TOKEN }),
    ]) {
      expect(await client.health()).toEqual(to.operations.health());
      expect(await client.tasks()).toEqual(to.operations.tasks({}));
      expect((await client.agents({ taskId, all: true })).agents).toHaveLength(1);
      expect((await client.agent(agentId)).agent_id).toBe(agentId);
      expect((await client.receipt(agentId)).cleanup.state).toBe("clean");
      const part = await client.stream(agentId, { from: 5, maxBytes: 3, stream: "stdout" });
      expect(Buffer.from(part.data, "base64").toString()).toBe("one");
      expect(await client.stream(agentId)).toMatchObject({ from: 0, next: 18 });
      expect(await client.ledger({ owner: agentId, all: true })).toEqual({ rows: [] });
      expect(await client.wait({ timeout_s: 0 })).toEqual({ agents: [], timed_out: true });
      expect((await client.resource(`task://${taskId}/status`)).text).toContain(taskId);
      expect(await client.sweep({ apply: true })).toMatchObject({ applied: true });
      expect(await client.archives({ taskId })).toMatchObject({ total: 0 });
      await expect(client.archive(agentId)).rejects.toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
      expect(await client.exportArchive(agentId, { to: "/tmp/x" })).toMatchObject({ to: "/tmp/x" });
      expect(await client.pruneArchives({ dry_run: true })).toMatchObject({ dry_run: true });
      expect((await client.doctor()).user).toBe("tester");
      expect(await client.leave({ mode: "detach" })).toMatchObject({ mode: "detach" });
    }
  });

  test("a tool is called as the client that sits in a folder", async () => {
    const to = await serving();
    const client = apiClient({ socketPath: to.socketPath, cwd: "/tmp/ä b" });
    const made = await client.tool("create_real_task", { description: "a task of the tests" });
    expect(made.status).toBe("open");
    expect(to.operations.seen.at(-1)).toMatchObject({
      input: { priority: "P2" },
      caller: { kind: "client", cwd: "/tmp/ä b" },
    });
  });

  test("a fault of the daemon arrives as it was thrown", async () => {
    const to = await serving();
    const client = apiClient({ socketPath: to.socketPath });
    const failure = await client.agent("nobody-120000-abcdef").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Fault);
    expect(failure).toMatchObject({
      code: "AGENT_NOT_FOUND",
      http: 404,
      hint: /get_real_task/ as never,
    });
  });

  test("an id cannot leave its place in the path", async () => {
    const to = await serving();
    const client = apiClient({ socketPath: to.socketPath });
    for (const id of ["../tasks", "a/b", "..", "?all=1", "#", "\0", "ü"]) {
      await expect(client.agent(id)).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
    }
  });
});

describe("no daemon, or a strange one", () => {
  test("nobody there: nothing was sent", async () => {
    const client = apiClient({ socketPath: join(await testFolder(), "none.sock") });
    await expect(client.health()).rejects.toMatchObject({
      code: "DAEMON_UNREACHABLE",
      details: { sent: false },
      hint: expect.stringContaining("corral up"),
    });
  });

  test.for([
    ["before it answers", (_request, response) => response.destroy()],
    [
      "in the middle of its answer",
      (_request, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("{", () => response.destroy());
      },
    ],
  ] as [string, RequestListener][])(
    "it leaves %s: the call may have happened",
    async ([, answer]) => {
      const client = apiClient({ socketPath: await badDaemon(answer) });
      await expect(client.sweep({ apply: true })).rejects.toMatchObject({
        code: "DAEMON_UNREACHABLE",
        details: { sent: true },
      });
    },
  );

  test.for([
    [200, "[]"],
    [200, "not JSON"],
    [502, "<html>"],
    [500, '{"error":{"code":"INTERNAL"}}'],
  ] as const)("%i %s is not a daemon's answer", async ([status, body]) => {
    const socketPath = await badDaemon((_request, response) =>
      response.writeHead(status).end(body),
    );
    await expect(apiClient({ socketPath }).health()).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("an unknown code of a newer daemon is a bug with its words kept", async () => {
    const error = { code: "NEW_CODE", message: "New.", hint: "Update." };
    const socketPath = await badDaemon((_request, response) =>
      response.writeHead(418).end(JSON.stringify({ error })),
    );
    await expect(apiClient({ socketPath }).health()).rejects.toMatchObject({
      code: "INTERNAL",
      message: "New.",
    });
  });
});

describe("events", () => {
  test("are replayed from a sequence number, then live, each once", async () => {
    const to = await serving();
    for (let n = 0; n < 200; n += 1) to.operations.emit("alert", null, { n });
    const stop = new AbortController();
    const seqs: number[] = [];
    for await (const event of apiClient({ socketPath: to.socketPath }).events(5, stop.signal)) {
      seqs.push(event.seq);
      if (event.seq === 200) to.operations.emit("alert");
      if (event.seq === 201) stop.abort();
    }
    expect(seqs).toEqual(Array.from({ length: 196 }, (_, at) => at + 6));
  });

  test("go on after the daemon was replaced, without loss or repetition", async () => {
    const to = await serving();
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const events: CorralEvent[] = [];
    const reading = (async () => {
      const client = apiClient({ socketPath: to.socketPath });
      for await (const event of client.events(0, stop.signal)) events.push(event);
    })();
    to.operations.emit("alert");
    await vi.waitFor(() => expect(events).toHaveLength(1));
    await to.served.close();
    to.operations.emit("alert");
    const { log } = recordingLog();
    const { operations, socketPath } = to;
    const dashboard = dashboardIn("/nowhere");
    const next = await serve({ operations, log, version: "2", port: 0, socketPath, dashboard });
    onTestFinished(() => next.close());
    await vi.waitFor(() => expect(events).toHaveLength(2), 5_000);
    to.operations.emit("alert");
    await vi.waitFor(() => expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3]));
    stop.abort();
    await reading;
  });

  test("without a sequence number begin now", async () => {
    const to = await serving();
    to.operations.emit("alert", null, { when: "before" });
    const stop = new AbortController();
    const timer = setInterval(() => to.operations.emit("alert", null, { when: "now" }), 20);
    onTestFinished(() => clearInterval(timer));
    const client = apiClient({ socketPath: to.socketPath });
    for await (const event of client.events(undefined, stop.signal)) {
      expect(event.facts).toEqual({ when: "now" });
      stop.abort();
    }
  });

  test("with nobody there from the start, or no right to them, are a fault", async () => {
    const none = apiClient({ socketPath: join(await testFolder(), "none.sock") });
    const first = (client: ReturnType<typeof apiClient>) =>
      client.events(0)[Symbol.asyncIterator]().next();
    await expect(first(none)).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" });
    const to = await serving();
    const { token } = await to.operations.seed();
    const agent = apiClient({ socketPath: to.socketPath, token });
    await expect(first(agent)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});
