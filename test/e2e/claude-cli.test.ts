/** The scripted model is good enough for the real Claude Code CLI: without this, no test of agents means anything. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import {
  type ModelServer,
  scripted,
  startModelServer,
  type Turn,
} from "../helpers/model-server.ts";
import { CLAUDE_BIN, CLAUDE_HINT, claudeEnv, claudeIsMissing } from "../helpers/real-claude.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claude-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** An MCP server over HTTP with one tool, `note`, that is loaded at once. */
async function startNotes(): Promise<AsyncDisposable & { url: string; notes: string[] }> {
  const notes: string[] = [];
  const handler = createMcpHandler(() => {
    const mcp = new McpServer({ name: "notes", version: "1.0.0" });
    mcp.registerTool(
      "note",
      {
        description: "Writes a note down.",
        inputSchema: z.object({ text: z.string() }),
        _meta: { "anthropic/alwaysLoad": true },
      },
      ({ text }) => {
        notes.push(text);
        return { content: [{ type: "text", text: `noted: ${text}` }] };
      },
    );
    return mcp;
  });
  const handle = toNodeHandler(handler);
  type Request = Parameters<typeof handle>[0];
  const server = createServer((request, response) => void handle(request as Request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    notes,
    async [Symbol.asyncDispose]() {
      await handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

interface ClaudeEnd {
  readonly code: number | null;
  readonly stderr: string;
  /** Its stream, a JSON object a line. */
  readonly events: readonly Record<string, unknown>[];
}

/** Runs the CLI to its end, or for at most that long. */
function runClaude(model: ModelServer, mcpUrl: string, timeoutMs: number): Promise<ClaudeEnd> {
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const config = join(folder, "mcp.json");
  writeFileSync(config, JSON.stringify({ mcpServers: { notes: { type: "http", url: mcpUrl } } }));
  const output = ["-p", "--output-format", "stream-json", "--verbose"];
  const mcp = ["--mcp-config", config, "--strict-mcp-config"];
  const allowed = ["--permission-mode", "dontAsk", "--allowedTools", "mcp__notes__note", "Bash"];
  const child = spawn(join(CLAUDE_BIN, "claude"), [...output, ...mcp, ...allowed], {
    cwd: folder,
    env: { PATH: process.env["PATH"], TMPDIR: folder, ...claudeEnv(home, model.url) },
    timeout: timeoutMs,
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end("MISSION-1: do the scripted work.");
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
  child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const lines = stdout.split("\n").filter(Boolean);
      const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      resolve({ code, stderr, events });
    });
  });
}

test.skipIf(claudeIsMissing)(
  `the real Claude Code works through a script: MCP tool, shell, last word${CLAUDE_HINT}`,
  { timeout: 60_000 },
  async () => {
    const turns: Turn[] = [
      { text: "First a note.", toolUses: [{ name: "mcp__notes__note", input: { text: "one" } }] },
      { toolUses: [{ name: "Bash", input: { command: "echo from-$((40 + 2))" } }] },
      { text: "All done." },
    ];
    await using model = await startModelServer(scripted({ "MISSION-1": turns }));
    await using notes = await startNotes();

    const end = await runClaude(model, notes.url, 50_000);

    expect(end.stderr).toBe("");
    expect(end.events.at(-1)).toMatchObject({
      type: "result",
      subtype: "success",
      is_error: false,
      result: "All done.",
      permission_denials: [],
    });
    expect(end.code).toBe(0);
    expect(notes.notes).toEqual(["one"]);
    const turnsSeen = model.requests.filter(({ conversation }) => conversation.tools.length > 0);
    expect(turnsSeen.map(({ conversation }) => conversation.results)).toEqual([
      [],
      ["noted: one"],
      ["from-42"],
    ]);
    expect(model.errors).toEqual([]);
  },
);

test.skipIf(claudeIsMissing)(
  `the real Claude Code gets over an overloaded model${CLAUDE_HINT}`,
  { timeout: 60_000 },
  async () => {
    let refused = 0;
    const script = scripted({ "MISSION-1": [{ text: "Recovered." }] });
    await using model = await startModelServer((conversation) =>
      conversation.tools.length > 0 && refused++ === 0
        ? { fault: { status: 529 } }
        : script(conversation),
    );
    await using notes = await startNotes();

    const end = await runClaude(model, notes.url, 50_000);

    expect(end.events.find(({ subtype }) => subtype === "api_retry")).toMatchObject({
      attempt: 1,
      error_status: 529,
    });
    expect(end.events.at(-1)).toMatchObject({ type: "result", result: "Recovered." });
    expect(end.code).toBe(0);
  },
);
