import { describe, expect, test } from "vitest";
import { isStarter, recognise } from "../../../src/supervision/recognise.ts";

const HOME = "/home/a/.npm/_npx/1f2e/node_modules";

describe("recognised", () => {
  test.for<[argv: string, kind: string, what: string]>([
    ["claude -p --output-format stream-json", "agent", "claude"],
    ["node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "agent", "claude"],
    ["node --max-old-space-size=4096 /usr/bin/gemini", "agent", "gemini"],
    ["/opt/codex/bin/codex exec --json", "agent", "codex"],
    ["/usr/local/bin/opencode serve --port 4096", "agent", "opencode"],
    ["timeout 600 claude -p", "agent", "claude"],
    ["env FOO=1 BAR=2 aider", "agent", "aider"],
    ["codex mcp-server", "mcp-server", "codex mcp-server"],
    ["claude mcp serve", "mcp-server", "claude mcp"],
    ["npx -y @modelcontextprotocol/server-filesystem /home/a", "mcp-server", "server-filesystem"],
    [`node ${HOME}/.bin/mcp-server-github`, "mcp-server", "mcp-server-github"],
    [`node ${HOME}/@playwright/mcp/cli.js`, "mcp-server", "@playwright/mcp"],
    ["npm exec @upstash/context7-mcp", "mcp-server", "@upstash/context7-mcp"],
    ["uvx mcp-server-fetch", "mcp-server", "mcp-server-fetch"],
    ["python3 /srv/tools/my_mcp_server.py", "mcp-server", "my_mcp_server"],
    ["uv run mcp-server-git --repository .", "mcp-server", "mcp-server-git"],
  ])("%s", ([argv, kind, what]) => {
    expect(recognise(argv.split(" "))).toEqual({ kind, what });
  });

  test("what a shell was given, and a title that is one word", () => {
    expect(recognise(["sh", "-c", "mcp-server-git --repository ."])?.what).toBe("mcp-server-git");
    expect(recognise(["npm exec @playwright/mcp@latest"])?.what).toBe("@playwright/mcp@latest");
  });
});

test.for([
  "vim claude.md",
  "grep -r claude .",
  "cat /var/log/mcp/server.log",
  "node server.js --name mcp",
  "python3 -m http.server",
  "tail -f codex.log",
  "bash /home/a/claude-backup.sh",
  "sleep 300",
  "",
])("not recognised: %s", (argv) => {
  expect(recognise(argv.split(" "))).toBeNull();
});

test.for([
  ["sh -c mcp-server-git", true],
  ["npm exec @playwright/mcp", true],
  ["node /usr/bin/npx -y x", true],
  ["-bash", true],
  ["node server.js", false],
  ["tmux new -d", false],
] as const)("%s waits for what it started: %s", ([argv, is]) => {
  expect(isStarter(argv.split(" "))).toBe(is);
});
