/** The dashboard's way in and its files, over real sockets: who may come in, and with what. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { LoginAnswer, SessionAnswer } from "../../src/contract/api.ts";
import {
  type Asked,
  overLoopback,
  overSocket,
  type Serving,
  serving,
  testFolder,
} from "../helpers/serving.ts";

const refusal = (code: string) => ({ error: expect.objectContaining({ code }) });

/** A browser's own headers for a call of our page. */
function pageHeaders(to: Serving): Record<string, string> {
  const { port } = to.served;
  return { origin: `http://127.0.0.1:${port}`, "sec-fetch-site": "same-origin" };
}

/** Without the client's token, as a browser is. */
function asBrowser(to: Serving, path: string, { headers, ...asked }: Asked = {}) {
  return overLoopback(to, path, { ...asked, headers: { authorization: undefined, ...headers } });
}

async function codeFrom(to: Serving): Promise<string> {
  const { json } = await overSocket(to, "/api/login", { body: {} });
  return new URL(LoginAnswer.parse(json).url).hash.slice(1);
}

async function loggedIn(to: Serving) {
  const headers = pageHeaders(to);
  const body = { code: await codeFrom(to) };
  const answer = await asBrowser(to, "/api/session", { headers, body });
  const [setCookie = ""] = answer.headers["set-cookie"] ?? [];
  const { proof } = SessionAnswer.parse(answer.json);
  const cookie = setCookie.split(";")[0] ?? "";
  return { setCookie, cookie, proof, headers: { ...headers, cookie, "x-corral-proof": proof } };
}

describe("a login", () => {
  test("needs a client, and gives a link whose code no server is sent", async () => {
    const to = await serving();
    const answer = await asBrowser(to, "/api/login", { body: {}, headers: pageHeaders(to) });
    expect(answer).toMatchObject({ status: 401, json: refusal("TOKEN_INVALID") });
    const { token } = await to.operations.seed();
    const asAgent = { headers: { authorization: `Bearer ${token}` }, body: {} };
    expect(await overLoopback(to, "/api/login", asAgent)).toMatchObject({ status: 403 });
    const { json } = await overLoopback(to, "/api/login", { body: {} });
    const { pathname, search, hash } = new URL(LoginAnswer.parse(json).url);
    expect({ pathname, search }).toEqual({ pathname: "/login", search: "" });
    expect(hash).toMatch(/^#[\w-]{32}$/);
  });

  test("gives the browser a cookie that no script reads and no other site sends", async () => {
    const to = await serving();
    const { setCookie } = await loggedIn(to);
    expect(setCookie).toMatch(new RegExp(`^corral_${to.served.port}=[^;]+; `));
    for (const part of ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"]) {
      expect(setCookie.split("; ")).toContain(part);
    }
  });

  test("works once", async () => {
    const to = await serving();
    const body = { code: await codeFrom(to) };
    const asked = { headers: pageHeaders(to), body };
    expect(await asBrowser(to, "/api/session", asked)).toMatchObject({ status: 200 });
    expect(await asBrowser(to, "/api/session", asked)).toMatchObject({
      status: 401,
      json: refusal("LOGIN_INVALID"),
    });
  });

  test("is refused to another site, and where nothing says which site asks", async () => {
    const to = await serving();
    const body = { code: await codeFrom(to) };
    const port = to.served.port;
    for (const headers of [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: `http://127.0.0.1:${port + 1}` },
      { origin: `http://localhost:${port}` },
      { origin: "http://localhost:5173", "sec-fetch-site": "same-origin" },
    ]) {
      const answer = await asBrowser(to, "/api/session", { headers, body });
      expect(answer).toMatchObject({ status: 403, json: refusal("ORIGIN_REFUSED") });
      expect(answer.headers["set-cookie"]).toBeUndefined();
    }
    const own = await asBrowser(to, "/api/session", { headers: pageHeaders(to), body });
    expect(own).toMatchObject({ status: 200 });
  });
});

describe("a page's session", () => {
  test("opens what the dashboard shows, and its few buttons", async () => {
    const to = await serving();
    const { taskId, agentId } = await to.operations.seed();
    const { headers } = await loggedIn(to);
    for (const path of ["/api/health", "/api/tasks", `/api/agents/${agentId}`, "/api/ledger"]) {
      expect(await asBrowser(to, path, { headers })).toMatchObject({ status: 200 });
    }
    const body = { task_id: taskId, agent_id: agentId };
    for (const tool of ["get_agent_output", "kill_real_agent"]) {
      const answer = await asBrowser(to, `/api/tools/${tool}`, { headers, body });
      expect(answer).toMatchObject({ status: 200 });
    }
    expect(to.operations.seen.at(-1)).toMatchObject({
      name: "kill_real_agent",
      caller: { kind: "client" },
    });
  });

  test("starts no program, ends no daemon, speaks no MCP, and opens no further session", async () => {
    const to = await serving();
    const { taskId, agentId } = await to.operations.seed();
    const before = to.operations.seen.length;
    const { headers } = await loggedIn(to);
    const deploy = { task_id: taskId, agent_type: "x", prompt: "x", command: ["/bin/true"] };
    const spawn = { ...deploy, parent_agent_id: agentId, child_agent_type: "x", child_prompt: "x" };
    for (const [path, body] of [
      ["/api/tools/deploy_headless_agent", deploy],
      ["/api/tools/spawn_child_agent", spawn],
      ["/api/tools/create_real_task", { description: "a task of a page" }],
      ["/api/tools/nonsense", {}],
      ["/api/leave", { mode: "end" }],
      ["/api/login", {}],
      ["/api/wait", {}],
      ["/mcp", {}],
      ["/nowhere", {}],
    ] as const) {
      expect(await asBrowser(to, path, { headers, body }), path).toMatchObject({
        status: 403,
        json: refusal("FORBIDDEN"),
      });
    }
    expect(to.operations.seen.length).toBe(before);
  });

  test("is nothing with one half alone, a wrong half, or another's", async () => {
    const to = await serving();
    const one = await loggedIn(to);
    const other = await loggedIn(to);
    for (const headers of [
      { ...one.headers, "x-corral-proof": undefined },
      { ...one.headers, "x-corral-proof": other.proof },
      { ...one.headers, "x-corral-proof": one.proof.slice(1) },
      { ...one.headers, cookie: `${one.cookie.slice(0, -1)}_` },
      { ...one.headers, cookie: one.cookie.replace(/=\d+/, "=9999999999999") },
      { ...one.headers, cookie: undefined },
      { ...one.headers, cookie: one.cookie.replace(String(to.served.port), "1") },
    ]) {
      const answer = await asBrowser(to, "/api/health", { headers });
      expect(answer).toMatchObject({ status: 401, json: refusal("TOKEN_INVALID") });
    }
  });

  test("is refused to another origin, also of this machine; what changes must say whence", async () => {
    const to = await serving();
    const { taskId, agentId } = await to.operations.seed();
    const { headers } = await loggedIn(to);
    const bare = { cookie: headers.cookie, "x-corral-proof": headers["x-corral-proof"] };
    const path = "/api/tools/kill_real_agent";
    const body = { task_id: taskId, agent_id: agentId };
    for (const from of [
      {},
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { origin: "http://localhost:5173" },
      { origin: `http://127.0.0.1:${to.served.port + 1}`, "sec-fetch-site": "same-origin" },
    ]) {
      const answer = await asBrowser(to, path, { headers: { ...bare, ...from }, body });
      expect(answer).toMatchObject({ status: 403, json: refusal("ORIGIN_REFUSED") });
    }
    expect(await asBrowser(to, "/api/health", { headers: bare })).toMatchObject({ status: 200 });
    expect(await asBrowser(to, path, { headers, body })).toMatchObject({ status: 200 });
  });

  test("ends when its page says so, and the browser's half is taken away", async () => {
    const to = await serving();
    const { headers } = await loggedIn(to);
    const answer = await asBrowser(to, "/api/session/end", { headers, body: {} });
    expect(answer).toMatchObject({ status: 200, json: { ended: true } });
    expect(answer.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
    expect(await asBrowser(to, "/api/health", { headers })).toMatchObject({ status: 401 });
  });

  test("has no place on the socket, where no browser is", async () => {
    const to = await serving();
    const body = { code: await codeFrom(to) };
    expect(await overSocket(to, "/api/session", { headers: pageHeaders(to), body })).toMatchObject({
      status: 403,
      json: refusal("ORIGIN_REFUSED"),
    });
  });
});

describe("its files", () => {
  async function built(): Promise<{ readonly to: Serving; readonly folder: string }> {
    const folder = await testFolder();
    mkdirSync(join(folder, "assets"));
    writeFileSync(join(folder, "index.html"), "<!doctype html><title>built</title>");
    writeFileSync(join(folder, "mark.svg"), "<svg/>");
    writeFileSync(join(folder, "assets/index-abc.js"), "export {};");
    writeFileSync(join(folder, "assets/index-abc.js.gz"), gzipSync("export {};"));
    return { to: await serving(folder), folder };
  }

  test.for(["/", "/login", "/cleanup", "/settings", "/tasks/TASK-1", "/agents/a-1-2"])(
    "%s is the page, without a session, under a strict policy",
    async (path) => {
      const { to } = await built();
      const answer = await asBrowser(to, path);
      expect(answer).toMatchObject({ status: 200, text: expect.stringContaining("built") });
      const policy = String(answer.headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
      expect(answer.headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      });
    },
  );

  test("are told unchanged by their tag, and anew after another build", async () => {
    const { to, folder } = await built();
    const { etag } = (await asBrowser(to, "/")).headers;
    const headers = { "if-none-match": String(etag) };
    expect(await asBrowser(to, "/", { headers })).toMatchObject({ status: 304, text: "" });
    writeFileSync(join(folder, "index.html"), "<!doctype html><title>built again</title>");
    expect(await asBrowser(to, "/", { headers })).toMatchObject({ status: 200 });
  });

  test("with a hash in the name are kept for good, and packed for whoever takes it", async () => {
    const { to } = await built();
    const plain = await asBrowser(to, "/assets/index-abc.js");
    expect(plain).toMatchObject({ status: 200, text: "export {};" });
    expect(plain.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "content-type": "text/javascript; charset=utf-8",
    });
    const headers = { "accept-encoding": "gzip, br" };
    const packed = await asBrowser(to, "/assets/index-abc.js", { headers });
    expect(packed.headers).toMatchObject({ "content-encoding": "gzip", vary: "accept-encoding" });
    expect(packed.headers["etag"]).not.toBe(plain.headers["etag"]);
    const mark = await asBrowser(to, "/mark.svg");
    expect(mark.headers).toMatchObject({ "cache-control": "no-cache" });
  });

  test.for([
    "/assets/none.js",
    "/assets/../index.html",
    "/assets/%2e%2e/index.html",
    "/index.html",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/tasks/",
    "/tasks/a/b",
    "//",
  ])("are only those that were built: %s is not one", async (path) => {
    const { to } = await built();
    expect(await asBrowser(to, path)).toMatchObject({ status: 401 });
  });

  test("are read only, and refused to another host", async () => {
    const { to } = await built();
    expect(await asBrowser(to, "/", { body: {} })).toMatchObject({ status: 401 });
    expect(await asBrowser(to, "/", { headers: { host: "evil.example" } })).toMatchObject({
      status: 403,
      json: refusal("ORIGIN_REFUSED"),
    });
    const head = await asBrowser(to, "/", { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, text: "" });
  });

  test("are missing in a fresh checkout, and the page says what to do", async () => {
    const to = await serving(join(await testFolder(), "none"));
    const answer = await asBrowser(to, "/");
    expect(answer).toMatchObject({ status: 503, text: expect.stringContaining("corral open") });
    expect(await asBrowser(to, "/assets/x.js")).toMatchObject({ status: 401 });
  });
});
