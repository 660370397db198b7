/** The event stream at the wire: where it starts, and what a reader that does not read costs. */
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { overSocket, serving } from "../../helpers/serving.ts";
import type { Serving } from "../../helpers/serving.ts";

async function opened(to: Serving, path: string, headers: Record<string, string> = {}) {
  const outgoing: ClientRequest = request({
    socketPath: to.socketPath,
    path,
    headers,
    agent: false,
  });
  outgoing.on("error", () => undefined);
  onTestFinished(() => void outgoing.destroy());
  outgoing.end();
  const response = await new Promise<IncomingMessage>((resolve) =>
    outgoing.once("response", resolve),
  );
  response.on("error", () => undefined);
  return response;
}

function collected(response: IncomingMessage): { text: string } {
  const seen = { text: "" };
  response.on("data", (chunk: Buffer) => (seen.text += chunk.toString("utf8")));
  return seen;
}

test("each event has its seq as id and its kind as name", async () => {
  const to = await serving();
  const event = to.operations.emit("agent.settled", "TASK-1", { line: "two\nlines" });
  const response = await opened(to, "/api/events?after=0");
  expect(response.headers["content-type"]).toBe("text/event-stream");
  const seen = collected(response);
  const block = `id: 1\nevent: agent.settled\ndata: ${JSON.stringify(event)}\n\n`;
  await vi.waitFor(() => expect(seen.text).toContain(block));
});

test("Last-Event-ID wins over the address, as a browser that reconnects means it", async () => {
  const to = await serving();
  for (let n = 0; n < 5; n += 1) to.operations.emit("alert");
  const seen = collected(await opened(to, "/api/events?after=0", { "last-event-id": "3" }));
  await vi.waitFor(() => expect(seen.text).toContain("id: 5\n"));
  expect(seen.text).not.toContain("id: 3\n");
});

test.for(["-1", "x", "1e3", ""])("a start of %j is refused", async (after) => {
  const to = await serving();
  expect(await overSocket(to, `/api/events?after=${after}`)).toMatchObject({
    status: 400,
    json: { error: { code: "INPUT_INVALID", details: { parameter: "after" } } },
  });
});

test("a reader that does not read stalls alone, and loses nothing when it reads on", async () => {
  const to = await serving();
  const slow = await opened(to, "/api/events?after=0");
  slow.pause();
  const quick = collected(await opened(to, "/api/events?after=0"));
  const filling = "x".repeat(4_096);
  for (let n = 0; n < 1_000; n += 1) to.operations.emit("alert", null, { filling });
  await vi.waitFor(() => expect(quick.text).toContain("id: 1000\n"), 5_000);
  const seen = collected(slow);
  slow.resume();
  await vi.waitFor(() => expect(seen.text).toContain("id: 1000\n"), 5_000);
  const ids = [...seen.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
});

test("an event larger than every buffer still reaches its reader, with the next one", async () => {
  const to = await serving();
  const slow = await opened(to, "/api/events?after=0");
  slow.pause();
  to.operations.emit("alert", null, { filling: "x".repeat(2 * 1_024 * 1_024) });
  to.operations.emit("alert");
  expect(await overSocket(to, "/api/health")).toMatchObject({ status: 200 });
  const seen = collected(slow);
  slow.resume();
  await vi.waitFor(() => expect(seen.text).toContain("id: 2\n"), 5_000);
});

test("readers that leave are forgotten", async () => {
  const to = await serving();
  const response = await opened(to, "/api/events?after=0");
  response.destroy();
  for (let n = 0; n < 100; n += 1) to.operations.emit("alert");
  const seen = collected(await opened(to, "/api/events?after=99"));
  await vi.waitFor(() => expect(seen.text).toContain("id: 100\n"));
  expect(to.logged).toEqual([]);
});

test("a reader that wants samples looks on for as long as it is connected, and no other", async () => {
  const to = await serving();
  await opened(to, "/api/events?after=0");
  await opened(to, "/api/events?samples=0");
  expect(to.operations.lookers()).toBe(0);
  const one = await opened(to, "/api/events?after=0&samples=1");
  const other = await opened(to, "/api/events?samples=1", { "last-event-id": "0" });
  expect(to.operations.lookers()).toBe(2);
  one.destroy();
  await vi.waitFor(() => expect(to.operations.lookers()).toBe(1));
  other.destroy();
  await vi.waitFor(() => expect(to.operations.lookers()).toBe(0));
  expect(await overSocket(to, "/api/events?samples=yes")).toMatchObject({
    status: 400,
    json: { error: { code: "INPUT_INVALID", details: { parameter: "samples" } } },
  });
});
