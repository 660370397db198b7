/**
 * Agent CLIs and MCP servers, recognised by their command lines. Pure.
 *
 * To be recognised only ever leads to being listed: nothing is signalled or deleted by it.
 */

export interface Recognised {
  readonly kind: "agent" | "mcp-server";
  /** Its own name: `claude`, `mcp-server-git`, `@playwright/mcp`. */
  readonly what: string;
}

/** Programs of agent CLIs, and the packages that scripts of theirs lie in. */
const AGENT_PROGRAMS: Readonly<Record<string, string>> = {
  claude: "claude",
  codex: "codex",
  gemini: "gemini",
  opencode: "opencode",
  "cursor-agent": "cursor-agent",
  aider: "aider",
  goose: "goose",
  amp: "amp",
  qwen: "qwen",
  crush: "crush",
  droid: "droid",
  auggie: "auggie",
};
const AGENT_PACKAGES: readonly (readonly [path: string, what: string])[] = [
  ["@anthropic-ai/claude-code", "claude"],
  ["@openai/codex", "codex"],
  ["@google/gemini-cli", "gemini"],
  ["opencode-ai", "opencode"],
  ["@sourcegraph/amp", "amp"],
  ["@qwen-code/qwen-code", "qwen"],
];

/** Words of an agent CLI that make it an MCP server: `codex mcp-server`, `claude mcp serve`. */
const SERVING = /^(mcp-server|mcp|app-server)$/;
const INTERPRETER = /^(node|nodejs|bun|deno|python[\d.]*|tsx|ruby)$/;
/** What only starts something else; the one behind it is what counts. */
const STARTER = /^(npm|npx|pnpm|yarn|bunx|uv|uvx|pipx|env|timeout|nice|nohup|setsid|stdbuf)$/;
const SHELL = /^-?(sh|bash|dash|zsh|fish|ksh)$/;
/** A word of a name that says MCP: `mcp-server-git`, `playwright-mcp`, `mcp_server.py`, `@x/mcp`. */
const MCP_WORD = /(^|[-_/@.])mcp($|[-_/@.])/i;
const MCP_PACKAGE = /@modelcontextprotocol\/(server-[\w-]+)/;
/** How many words of a command line may name the program; what follows is its input. */
const WORDS_MOST = 6;

/** @returns null for what is neither. */
export function recognise(argv: readonly string[]): Recognised | null {
  const words = programWords(argv);
  const agent = agentIn(words);
  const server = serverIn(words);
  if (agent === null) return server;
  const [, next = ""] = words.slice(agent.at);
  return SERVING.test(next)
    ? { kind: "mcp-server", what: `${agent.what} ${next}` }
    : { kind: "agent", what: agent.what };
}

/** The agent's folder and the session that a runner of Corral was started with; null for anything else. */
export function runnerIn(
  argv: readonly string[],
): { readonly folder: string; readonly session: string } | null {
  const [shell = "", script = "", folder = "", session = ""] = argv;
  const isRunner = SHELL.test(baseOf(shell)) && script.endsWith("/runner.sh");
  return isRunner && folder.startsWith("/") && session !== "" ? { folder, session } : null;
}

/** True for shells and package runners: they wait for what they started and are nobody's aim. */
export function isStarter(argv: readonly string[]): boolean {
  const [first = "", second = ""] = argv;
  const name = baseOf(first);
  return (
    SHELL.test(name) ||
    STARTER.test(name) ||
    (INTERPRETER.test(name) && STARTER.test(baseOf(second)))
  );
}

/** The words that may name what runs: interpreters, starters and their flags are passed over. */
function programWords(argv: readonly string[]): readonly string[] {
  const [first = "", ...rest] = argv;
  // `npm exec @x/mcp` is one word in the titles that npm gives itself.
  const words = (rest.length === 0 ? first.split(" ") : shellWords(first, rest)).filter(Boolean);
  const isPassedOver = (word: string): boolean =>
    word.startsWith("-") ||
    /^\w+=/.test(word) ||
    INTERPRETER.test(baseOf(word)) ||
    STARTER.test(baseOf(word)) ||
    ["exec", "run", "tool", "x", "dlx"].includes(word) ||
    /^\d+(\.\d+)?[smhd]?$/.test(word);
  const start = words.findIndex((word) => !isPassedOver(word));
  return start === -1 ? [] : words.slice(start, start + WORDS_MOST);
}

/** The text that a shell was given, as words; anything else as it is. */
function shellWords(first: string, rest: readonly string[]): readonly string[] {
  if (!SHELL.test(baseOf(first))) return [first, ...rest];
  const text = rest[rest.indexOf("-c") + 1];
  return rest.includes("-c") && text !== undefined ? text.split(/\s+/) : rest;
}

function agentIn(words: readonly string[]): { readonly what: string; readonly at: number } | null {
  const [first = ""] = words;
  const path = AGENT_PACKAGES.find(([name]) => first.includes(name));
  if (path !== undefined) return { what: path[1], at: 0 };
  const what = AGENT_PROGRAMS[baseOf(first)];
  return what === undefined ? null : { what, at: 0 };
}

function serverIn(words: readonly string[]): Recognised | null {
  const [first = ""] = words;
  const published = MCP_PACKAGE.exec(first)?.[1];
  if (published !== undefined) return { kind: "mcp-server", what: published };
  if (!MCP_WORD.test(nameOf(first))) return null;
  return { kind: "mcp-server", what: nameOf(first) };
}

/** The part of a path that names a program: its package where it lies in one, else its last part. */
function nameOf(word: string): string {
  const parts = word.split("/");
  const modules = parts.lastIndexOf("node_modules");
  const inside = modules === -1 || parts[modules + 1] === ".bin" ? [] : parts.slice(modules + 1);
  const [scope = ""] = inside;
  if (inside.length > 0) return scope.startsWith("@") ? inside.slice(0, 2).join("/") : scope;
  return word.startsWith("@") ? word : baseOf(word);
}

function baseOf(word: string): string {
  return (word.split("/").at(-1) ?? "").replace(/\.(?:[cm]?js|ts|py|exe)$/, "");
}
