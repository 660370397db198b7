/** A real daemon's traces, recorded by a collector on loopback. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld } from "../helpers/world.ts";
import { deploy, faultOf, FOREVER, newTask, QUICK, shell, waitCleanOne } from "./support.ts";

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status: { readonly code?: number };
}

test("a call, a deploy and the life of an agent are traced, the agent's as one", async () => {
  const spans: OtlpSpan[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const json = JSON.parse(Buffer.concat(chunks).toString());
      spans.push(...json.resourceSpans[0].scopeSpans[0].spans);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  onTestFinished(() => void collector.close());
  const { port } = collector.address() as AddressInfo;

  await using world = await makeWorld();
  const env = { ...QUICK, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  const daemon = await world.daemon(env);
  const client = await world.mcp();
  const { taskId } = await newTask(world, client);
  const agent = await deploy(world, client, shell(FOREVER), { taskId });
  await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: agent.id, grace_s: 0.2 });
  await waitCleanOne(world, agent.id);
  await faultOf(client, "get_real_task_status", { task_id: "TASK-none" });
  // What was not sent yet is sent when it leaves.
  await daemon.stop();

  const named = (name: string) => spans.filter((span) => span.name === name);
  await waitFor("the last spans", () => named("tool get_real_task_status").length > 0 || undefined);
  const whole = spans.find(({ name }) => name.startsWith("agent "));
  expect(whole?.traceId).toMatch(/^[0-9a-f]{32}$/);
  const own = spans.filter(({ traceId }) => traceId === whole?.traceId);
  expect(new Set(own.map(({ name }) => name))).toEqual(
    new Set([
      whole?.name,
      "start",
      "run",
      "release",
      "tool deploy_headless_agent",
      "tool kill_real_agent",
    ]),
  );
  expect(own.every((span) => span === whole || span.parentSpanId === whole?.spanId)).toBe(true);
  expect(named("tool get_real_task_status")[0]?.status.code).toBe(2);
  expect(named("tool create_real_task")).toHaveLength(1);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
});
