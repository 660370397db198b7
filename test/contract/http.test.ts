/** The HTTP surface over real sockets: who may come in, what comes back, what it survives. */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect, createServer as createRawServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Fault } from "../../src/kernel/fault.ts";
import { serve } from "../../src/surface/http/serve.ts";
import { CLIENT_TOKEN, fakeOperations } from "../helpers/fake-operations.ts";
import {
  dashboardIn,
  overLoopback,
  overSocket,
  recordingLog,
  serving,
  testFolder,
} from "../helpers/serving.ts";

const TASK = { description: "a task of the tests" };
const refusal = (code: string) => ({ error: expect.objectContaining({ code }) });

describe("who may come in", () => {
  test.for(["/api/health", "/api/tasks", "/mcp", "/nowhere"])(
    "loopback without a token is refused on %s, with a challenge",
    async (path) => {
      const to = await serving();
      const answer = await overLoopback(to, path, { headers: { authorization: undefined } });
      expect(answer).toMatchObject({ status: 401, json: refusal("TOKEN_INVALID") });
      expect(answer.headers["www-authenticate"]).toContain("Bearer");
    },
  );

  test.for(["Bearer wrong", "Bearer", `Basic ${CLIENT_TOKEN}`, "Bearer a b"])(
    'the authorization "%s" is refused on loopback and on the socket',
    async (authorization) => {
      const to = await serving();
      const asked = { headers: { authorization } };
      for (const answer of [
        await overLoopback(to, "/api/health", asked),
        await overSocket(to, "/api/health", asked),
      ]) {
        expect(answer).toMatchObject({ status: 401, json: refusal("TOKEN_INVALID") });
        expect(answer.text).not.toContain("wrong");
      }
    },
  );

  test("the socket needs no token and is for its owner alone", async () => {
    const to = await serving();
    expect(await overSocket(to, "/api/health")).toMatchObject({ status: 200 });
    expect(statSync(to.socketPath).mode & 0o777).toBe(0o600);
  });

  test("a Host that is not ours is refused, whatever the token", async () => {
    const to = await serving();
    const { port } = to.served;
    const bad = [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      "127.0.0.1:1",
      ":",
      `::1:${port}`,
    ];
    for (const host of bad) {
      expect(await overLoopback(to, "/api/health", { headers: { host } })).toMatchObject({
        status: 403,
        json: refusal("ORIGIN_REFUSED"),
      });
    }
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `LocalHost:${port}`,
      `[::1]:${port}`,
    ]) {
      expect(await overLoopback(to, "/api/health", { headers: { host } })).toMatchObject({
        status: 200,
      });
    }
  });

  test("an Origin that is not loopback is refused; none, or loopback, is fine", async () => {
    const to = await serving();
    const bad = [
      "https://evil.example",
      "null",
      "http://127.0.0.1.evil.example",
      "file://",
      "nonsense",
    ];
    for (const origin of bad) {
      for (const path of ["/api/health", "/mcp"]) {
        expect(await overLoopback(to, path, { headers: { origin } })).toMatchObject({
          status: 403,
          json: refusal("ORIGIN_REFUSED"),
        });
      }
    }
    for (const origin of ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:80"]) {
      expect(await overLoopback(to, "/api/health", { headers: { origin } })).toMatchObject({
        status: 200,
      });
    }
  });

  test("the loopback listener is not reachable on another address", async () => {
    const to = await serving();
    expect(to.served.url).toBe(`http://127.0.0.1:${to.served.port}`);
    const socket = connect({ host: "127.0.0.2", port: to.served.port });
    const failed = new Promise((resolve) => socket.once("error", resolve));
    await expect(failed).resolves.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("an agent's token opens tools and resources and nothing else, on both listeners", async () => {
    const to = await serving();
    const { token, taskId, agentId } = await to.operations.seed();
    const headers = { authorization: `Bearer ${token}` };
    for (const over of [overLoopback, overSocket]) {
      for (const path of [
        "/api/health",
        "/api/tasks",
        `/api/agents/${agentId}`,
        "/api/events",
        "/nowhere",
      ]) {
        expect(await over(to, path, { headers })).toMatchObject({
          status: 403,
          json: refusal("FORBIDDEN"),
        });
      }
      for (const path of ["/api/leave", "/api/sweep", "/api/wait"]) {
        const answer = await over(to, path, { headers, body: { mode: "end" } });
        expect(answer).toMatchObject({ status: 403, json: refusal("FORBIDDEN") });
      }
      const body = { task_id: taskId, agent_id: agentId, status: "working", message: "on it" };
      const report = await over(to, "/api/tools/update_agent_progress", { headers, body });
      expect(report).toMatchObject({ status: 200 });
      expect(to.operations.seen.at(-1)?.caller).toMatchObject({ kind: "agent", agentId, taskId });
      const uri = encodeURIComponent(`task://${taskId}/status`);
      expect(await over(to, `/api/resource?uri=${uri}`, { headers })).toMatchObject({
        status: 200,
      });
    }
  });

  test("the client's folder arrives decoded, and never for an agent", async () => {
    const to = await serving();
    const cwd = "/home/dev/Projekte/größe 100%";
    const headers = { "x-corral-cwd": encodeURIComponent(cwd) };
    await overSocket(to, "/api/tools/create_real_task", { headers, body: TASK });
    expect(to.operations.seen.at(-1)?.caller).toEqual({ kind: "client", cwd });
    for (const bad of ["%E0%A4%A", "%00", `/${"a".repeat(4_096)}`]) {
      const answer = await overSocket(to, "/api/health", { headers: { "x-corral-cwd": bad } });
      expect(answer).toMatchObject({ status: 400, json: refusal("INPUT_INVALID") });
    }
  });
});

describe("what comes back", () => {
  test("every documented read answers JSON that is never cached", async () => {
    const to = await serving();
    const { agentId, taskId } = await to.operations.seed();
    for (const path of [
      "/api/health",
      "/api/tasks",
      `/api/agents?task_id=${taskId}&all=1`,
      `/api/agents/${agentId}`,
      `/api/agents/${agentId}/receipt`,
      `/api/agents/${agentId}/stream?from=0&max=4&stream=stderr`,
      "/api/ledger?all=0",
      "/api/resource?uri=tasks%3A%2F%2Flist",
      "/api/doctor",
    ]) {
      const answer = await overLoopback(to, path);
      expect(answer, path).toMatchObject({ status: 200 });
      expect(answer.headers["content-type"]).toContain("application/json");
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.json).toBeDefined();
    }
  });

  test("an unknown route is answered with the nearest one", async () => {
    const to = await serving();
    const answer = await overLoopback(to, "/api/task");
    expect(answer).toMatchObject({ status: 404, json: refusal("ROUTE_UNKNOWN") });
    expect(answer.text).toContain("GET /api/tasks");
    const tool = await overLoopback(to, "/api/tools/deploy_agent", { body: {} });
    expect(tool).toMatchObject({ status: 404, json: refusal("ROUTE_UNKNOWN") });
    expect(tool.text).toContain("deploy_headless_agent");
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect(await overLoopback(to, `/api/tools/${name}`, { body: {} })).toMatchObject({
        status: 404,
      });
    }
  });

  test("a wrong method is answered 405 with the right one", async () => {
    const to = await serving();
    const answer = await overLoopback(to, "/api/sweep");
    expect(answer).toMatchObject({ status: 405, json: refusal("ROUTE_UNKNOWN") });
    expect(answer.headers["allow"]).toBe("POST");
    expect(await overLoopback(to, "/api/health", { method: "DELETE" })).toMatchObject({
      status: 405,
    });
  });

  test("a path is never normalised into another route", async () => {
    const to = await serving();
    for (const path of [
      "/api/agents/../tasks",
      "/api/agents/%2e%2e/receipt",
      "//api/tasks",
      "/api/tasks/",
      "/api/agents/%ZZ",
    ]) {
      expect(await overLoopback(to, path)).toMatchObject({ status: 404 });
    }
  });

  test("an id of 10 kB is refused by its length", async () => {
    const to = await serving();
    const answer = await overLoopback(to, `/api/agents/${"a".repeat(10_240)}`);
    expect(answer).toMatchObject({ status: 400, json: refusal("INPUT_INVALID") });
    expect(answer.text.length).toBeLessThan(1_000);
  });

  test("an unknown or malformed query parameter is named", async () => {
    const to = await serving();
    for (const query of ["al=1", "all=yes"]) {
      const answer = await overLoopback(to, `/api/agents?${query}`);
      expect(answer).toMatchObject({ status: 400, json: refusal("INPUT_INVALID") });
      expect(answer.text).toContain(query.split("=")[0]);
    }
  });

  test("a bug says INTERNAL to the caller and everything to the log", async () => {
    const to = await serving();
    to.operations.failNext(new TypeError("secret of the implementation"));
    const answer = await overLoopback(to, "/api/tools/create_real_task", { body: TASK });
    expect(answer).toMatchObject({ status: 500, json: refusal("INTERNAL") });
    expect(answer.text).not.toContain("secret");
    expect(JSON.stringify(to.logged)).toContain("secret of the implementation");
  });

  test("a fault arrives with its own code, status and details", async () => {
    const to = await serving();
    to.operations.failNext(
      new Fault("LIMIT_REACHED", "20 of 20 agents run.", { hint: "Wait.", details: { limit: 20 } }),
    );
    const answer = await overLoopback(to, "/api/tools/create_real_task", { body: TASK });
    expect(answer).toMatchObject({
      status: 429,
      json: {
        error: { code: "LIMIT_REACHED", retryable: true, hint: "Wait.", details: { limit: 20 } },
      },
    });
    expect(to.logged).toEqual([]);
  });
});

describe("bodies", () => {
  test.for(["{", "nonsense", '{"a":}', "\u0000"])("%j is not JSON and says so", async (body) => {
    const to = await serving();
    const answer = await overLoopback(to, "/api/tools/create_real_task", { body });
    expect(answer).toMatchObject({ status: 400, json: refusal("INPUT_INVALID") });
  });

  test.for(["[]", '"text"', "7", "null"])("%s is JSON but no input", async (body) => {
    const to = await serving();
    const answer = await overLoopback(to, "/api/tools/create_real_task", { body });
    expect(answer).toMatchObject({ status: 400, json: refusal("INPUT_INVALID") });
  });

  test("a body over 4 MiB is refused, announced or not, and the listener lives on", async () => {
    const to = await serving();
    const status = await new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath: to.socketPath,
        method: "POST",
        path: "/api/tools/create_real_task",
        headers: { "transfer-encoding": "chunked" },
      });
      // The daemon may hang up on the rest while it is being sent.
      outgoing.on("error", reject);
      outgoing.on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.end(Buffer.alloc(4 * 1_024 * 1_024 + 1, 32));
    });
    expect(status).toBe(413);
    const announced = await new Promise((resolve) => {
      const outgoing = request({
        socketPath: to.socketPath,
        method: "POST",
        path: "/api/sweep",
        headers: { "content-length": 5_000_000 },
      });
      outgoing.on("error", () => undefined);
      outgoing.on("response", (response) => {
        resolve([response.statusCode, response.headers.connection]);
        outgoing.destroy();
      });
      outgoing.flushHeaders();
    });
    expect(announced).toEqual([413, "close"]);
    expect(await overSocket(to, "/api/health")).toMatchObject({ status: 200 });
  });
});

describe("callers that leave", () => {
  test("a deploy whose caller hung up is finished all the same", async () => {
    const to = await serving();
    const { taskId } = await to.operations.seed();
    const release = to.operations.hold();
    const before = to.operations.finished();
    const body = JSON.stringify({ task_id: taskId, agent_type: "builder", prompt: "build" });
    const outgoing = request({
      socketPath: to.socketPath,
      method: "POST",
      path: "/api/tools/deploy_headless_agent",
      headers: { "content-length": Buffer.byteLength(body) },
    });
    outgoing.on("error", () => undefined);
    outgoing.end(body);
    await vi.waitFor(() => expect(to.operations.seen.at(-1)?.name).toBe("deploy_headless_agent"));
    outgoing.destroy();
    release();
    await vi.waitFor(() => expect(to.operations.finished()).toBe(before + 1));
    expect(to.operations.agents({ taskId }).agents).toHaveLength(2);
    expect(await overSocket(to, "/api/health")).toMatchObject({ status: 200 });
    expect(to.logged).toEqual([]);
  });

  test("half a request and garbage harm nobody", async () => {
    const to = await serving();
    for (const text of [
      "GET /api/health HTT",
      "\u0000\u0001\u0002\r\n\r\n",
      "POST /api/sweep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
    ]) {
      const socket = connect(to.socketPath);
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.write(text, resolve));
      socket.destroy();
    }
    expect(await overSocket(to, "/api/health")).toMatchObject({ status: 200 });
  });
});

describe("opening and closing", () => {
  test("a taken port is a clear refusal, and nothing is left listening", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const socketPath = join(await testFolder(), "d.sock");
    const { log } = recordingLog();
    const dashboard = dashboardIn("/nowhere");
    const ports = { operations: fakeOperations(), log, version: "1", port, socketPath, dashboard };
    const opening = serve(ports);
    await expect(opening).rejects.toMatchObject({
      code: "STATE_UNUSABLE",
      details: { errno: "EADDRINUSE" },
    });
    expect(existsSync(socketPath)).toBe(false);
  });

  test("a dead daemon's socket is replaced; any other file is left alone", async () => {
    const folder = await testFolder();
    const { log } = recordingLog();
    const socketPath = join(folder, "d.sock");
    // Closing unlinks the path; only an fd that outlives its name leaves a stale socket behind.
    const dead = createRawServer();
    await new Promise<void>((resolve) => dead.listen(join(folder, "first.sock"), resolve));
    const { renameSync } = await import("node:fs");
    renameSync(join(folder, "first.sock"), socketPath);
    await new Promise((resolve) => dead.close(resolve));
    expect(statSync(socketPath).isSocket()).toBe(true);
    const dashboard = dashboardIn("/nowhere");
    const ports = { operations: fakeOperations(), log, version: "1", port: 0, dashboard };
    const served = await serve({ ...ports, socketPath });
    await served.close();

    const file = join(folder, "precious");
    writeFileSync(file, "work");
    await expect(serve({ ...ports, socketPath: file })).rejects.toMatchObject({
      code: "STATE_UNUSABLE",
    });
    expect(existsSync(file)).toBe(true);
  });

  test("closing lets a running call finish, refuses new ones, and may be repeated", async () => {
    const to = await serving();
    const release = to.operations.hold();
    const running = overSocket(to, "/api/tools/create_real_task", { body: TASK });
    await vi.waitFor(() => expect(to.operations.seen).toHaveLength(1));
    const closing = [to.served.close(), to.served.close()];
    release();
    expect(await running).toMatchObject({ status: 200 });
    await Promise.all(closing);
    await expect(overSocket(to, "/api/health")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(overLoopback(to, "/api/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
