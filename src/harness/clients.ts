/**
 * The MCP clients that Corral can be made known to: where each keeps its servers, and how it spells
 * one that is started by a command. Pure.
 */
import type { Environment } from "./harness.ts";

export const CLIENT_NAMES = ["claude", "codex", "gemini", "opencode", "cursor", "vscode"] as const;
export type ClientName = (typeof CLIENT_NAMES)[number];

export const INSTALL_SCOPES = ["user", "project"] as const;
export type InstallScope = (typeof INSTALL_SCOPES)[number];

/** What a client is to start, as every client understands it. */
export interface BridgeCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ClientPlace {
  readonly env: Environment;
  /** The project. Absolute. */
  readonly cwd: string;
  readonly platform: string;
}

export interface McpClient {
  /** As people call it. */
  readonly title: string;
  readonly format: "jsonc" | "toml";
  readonly scopes: readonly InstallScope[];
  /** Files that it may keep its servers in; the first that exists, else the first, is the one. Absolute. */
  files(scope: InstallScope, place: ClientPlace): readonly string[];
  /** Keys that lead to the entry, its own name last. */
  readonly path: readonly string[];
  /** The entry itself. */
  entry(bridge: BridgeCommand): Readonly<Record<string, unknown>>;
  /** True for a program that is not started from a shell, and so has another PATH. */
  readonly isGraphical: boolean;
  /** What is to be done behind it; one sentence. */
  readonly after: string;
}

/** Under this name Corral's tools appear in every client. */
const NAME = "corral";
const BOTH: readonly InstallScope[] = ["user", "project"];

const plain = ({ args, command, env }: BridgeCommand): Record<string, unknown> => ({
  command,
  args: [...args],
  ...(Object.keys(env).length === 0 ? {} : { env: { ...env } }),
});
const typed = (bridge: BridgeCommand): Record<string, unknown> => ({
  type: "stdio",
  ...plain(bridge),
});

const home = ({ env }: ClientPlace): string => env["HOME"] ?? "";
const given = (value: string | undefined): string | null => (value ? value : null);

export const CLIENTS: Readonly<Record<ClientName, McpClient>> = {
  claude: {
    title: "Claude Code",
    format: "jsonc",
    scopes: BOTH,
    files(scope, place) {
      const folder = given(place.env["CLAUDE_CONFIG_DIR"]) ?? home(place);
      return [scope === "user" ? `${folder}/.claude.json` : `${place.cwd}/.mcp.json`];
    },
    path: ["mcpServers", NAME],
    entry: typed,
    isGraphical: false,
    after:
      'See it with "claude mcp list"; sessions that run already get it when they are started anew.',
  },
  codex: {
    title: "Codex",
    format: "toml",
    scopes: ["user"],
    files: (_, place) => [
      `${given(place.env["CODEX_HOME"]) ?? `${home(place)}/.codex`}/config.toml`,
    ],
    path: ["mcp_servers", NAME],
    entry: plain,
    isGraphical: false,
    after: 'See it with "codex mcp list".',
  },
  gemini: {
    title: "Gemini CLI",
    format: "jsonc",
    scopes: BOTH,
    files: (scope, place) => [
      `${scope === "user" ? home(place) : place.cwd}/.gemini/settings.json`,
    ],
    path: ["mcpServers", NAME],
    entry: plain,
    isGraphical: false,
    after: 'See it with "gemini mcp list".',
  },
  opencode: {
    title: "opencode",
    format: "jsonc",
    scopes: BOTH,
    files(scope, place) {
      const config = given(place.env["XDG_CONFIG_HOME"]) ?? `${home(place)}/.config`;
      const folder = scope === "user" ? `${config}/opencode` : place.cwd;
      return [`${folder}/opencode.jsonc`, `${folder}/opencode.json`];
    },
    path: ["mcp", NAME],
    entry: ({ args, command, env }) => ({
      type: "local",
      command: [command, ...args],
      enabled: true,
      ...(Object.keys(env).length === 0 ? {} : { environment: { ...env } }),
    }),
    isGraphical: false,
    after: 'See it with "opencode mcp list".',
  },
  cursor: {
    title: "Cursor",
    format: "jsonc",
    scopes: BOTH,
    files: (scope, place) => [`${scope === "user" ? home(place) : place.cwd}/.cursor/mcp.json`],
    path: ["mcpServers", NAME],
    entry: typed,
    isGraphical: true,
    after: "Restart Cursor, then switch it on in its settings under MCP.",
  },
  vscode: {
    title: "VS Code",
    format: "jsonc",
    scopes: BOTH,
    files(scope, place) {
      if (scope === "project") return [`${place.cwd}/.vscode/mcp.json`];
      const config =
        place.platform === "darwin"
          ? `${home(place)}/Library/Application Support`
          : (given(place.env["XDG_CONFIG_HOME"]) ?? `${home(place)}/.config`);
      return [`${config}/Code/User/mcp.json`];
    },
    path: ["servers", NAME],
    entry: typed,
    isGraphical: true,
    after: 'Start it with "MCP: List Servers" in the command palette.',
  },
};

/** What has to be known of this installation to say how its bridge is started. */
export interface Launcher {
  /** `corral` as the PATH has it; null when it is not there. Absolute. */
  readonly onPath: string | null;
  /** The running program. Absolute. */
  readonly node: string;
  readonly script: string;
  /** Set where the state directory is not the usual one. */
  readonly stateDir: string | null;
}

/**
 * How a client starts the bridge: by its name where the client has the PATH that was looked at, else by
 * absolute paths, which an editor that was started from a desktop finds as well.
 */
export function bridgeCommand(
  { isGraphical }: Pick<McpClient, "isGraphical">,
  { node, onPath, script, stateDir }: Launcher,
): BridgeCommand {
  const env = stateDir === null ? {} : { CORRAL_STATE_DIR: stateDir };
  return onPath !== null && !isGraphical
    ? { command: "corral", args: ["mcp"], env }
    : { command: node, args: [script, "mcp"], env };
}
