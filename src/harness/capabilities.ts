/**
 * What each agent CLI can do, as measured with the version that the tests run: one place for the
 * documents and `corral doctor`.
 */
import type { HarnessName } from "../contract/agent.ts";
import type { Environment } from "./harness.ts";

/** With every answer of its model, or when its run ends. */
export type ToldWhen = "each answer" | "its end" | null;

export interface Capabilities {
  /** The version that the tests run; null where there is none. */
  readonly tested: string | null;
  readonly stream: string;
  /** How a session goes on later; null: it cannot. */
  readonly resume: string | null;
  /** Where it finds a message while it works. */
  readonly messages: string;
  readonly sandbox: string | null;
  /** When it tells the tokens, and the cost, of what it has done; null: never. */
  readonly tokens: ToldWhen;
  readonly cost: ToldWhen;
  /** How it stops itself at a cost that it was given; null: it does not. */
  readonly ownCostLimit: string | null;
  /** True when a tool call is seen when it begins. */
  readonly callsSeen: boolean;
  /** Where it tells of retries. */
  readonly retries: "stdout" | "stderr" | null;
  /** Peak of the whole tree in a run of six turns, with MCP over HTTP. MB. */
  readonly memoryMb: number | null;
  /** What shows a login without a network. Paths begin in HOME. */
  readonly login: {
    readonly variables: readonly string[];
    readonly files: readonly string[];
    /** Where else one may lie, by platform (`any`: all), that cannot be looked at. */
    readonly elsewhere?: Readonly<Partial<Record<"any" | "darwin", string>>>;
  };
  /** What will not work, each one sentence. */
  readonly limits: readonly string[];
}

/** The same for all: see docs/adr/0030-messages-in-answers.md. */
const IN_ANSWERS = "in the answer of its next report";
/** See docs/adr/0042-streaming-input.md. */
const BY_INPUT = "by its input, at once";

export const CAPABILITIES: Readonly<Record<HarnessName, Capabilities>> = {
  claude: {
    tested: "2.1.330",
    stream: "stream-json",
    resume: "--resume ID",
    messages: BY_INPUT,
    sandbox: null,
    tokens: "each answer",
    cost: "its end",
    ownCostLimit: "--max-budget-usd",
    callsSeen: true,
    retries: "stdout",
    memoryMb: 250,
    login: {
      variables: [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
      ],
      files: [".claude/.credentials.json"],
      elsewhere: { darwin: "the keychain" },
    },
    limits: [
      "Commands run in its sandbox only where your own settings of Claude Code say so.",
      "With hooks turned off, messages reach it with the answer of its next report.",
    ],
  },
  codex: {
    tested: "0.169.0",
    stream: "exec --json",
    resume: "exec resume ID",
    messages: IN_ANSWERS,
    sandbox: "its own (bubblewrap, Landlock, Seatbelt)",
    tokens: "its end",
    cost: null,
    ownCostLimit: null,
    callsSeen: true,
    retries: "stdout",
    memoryMb: 205,
    login: {
      variables: ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"],
      files: [".codex/auth.json"],
      elsewhere: { any: "the system's keyring" },
    },
    limits: ["A login in the system's keyring is not found; keep it in auth.json."],
  },
  gemini: {
    tested: "0.61.0",
    stream: "stream-json",
    resume: "--resume ID",
    messages: IN_ANSWERS,
    sandbox: null,
    tokens: "its end",
    cost: null,
    ownCostLimit: null,
    callsSeen: true,
    retries: "stderr",
    memoryMb: 400,
    login: {
      variables: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"],
      files: [".gemini/oauth_creds.json", ".gemini/gemini-credentials.json", ".gemini/.env"],
      elsewhere: { any: "the system's keyring" },
    },
    limits: [
      "It runs commands only with permission_mode skip; effort is ignored.",
      "An answer of its model that is cut in the middle ends its run.",
    ],
  },
  opencode: {
    tested: "1.18.33",
    stream: "run --format json",
    resume: "--session ID",
    messages: IN_ANSWERS,
    sandbox: null,
    tokens: "each answer",
    cost: "each answer",
    ownCostLimit: null,
    callsSeen: false,
    retries: "stderr",
    memoryMb: 600,
    login: {
      variables: ["OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"],
      files: [".local/share/opencode/auth.json"],
    },
    limits: ["It runs commands only with permission_mode skip."],
  },
  command: {
    tested: null,
    stream: "plain lines",
    resume: null,
    messages: IN_ANSWERS,
    sandbox: null,
    tokens: null,
    cost: null,
    ownCostLimit: null,
    callsSeen: false,
    retries: null,
    memoryMb: null,
    login: { variables: [], files: [] },
    limits: ["Its exit code says all: no activity, no usage, no permission mode."],
  },
};

/** Where a login would show: names of variables that are set, and absolute paths of files to look for. */
export function loginSigns(
  name: HarnessName,
  environment: Environment,
): { readonly variables: readonly string[]; readonly files: readonly string[] } {
  const { files, variables } = CAPABILITIES[name].login;
  const home = environment["HOME"] ?? "";
  const moved: Readonly<Record<string, string | undefined>> = {
    ".claude": environment["CLAUDE_CONFIG_DIR"],
    ".codex": environment["CODEX_HOME"],
    ".local": environment["XDG_DATA_HOME"]?.replace(/\/share$/, ""),
  };
  return {
    variables: variables.filter((variable) => (environment[variable] ?? "") !== ""),
    files: files.map((file) => {
      const [folder = "", ...rest] = file.split("/");
      return `${moved[folder] ?? `${home}/${folder}`}/${rest.join("/")}`;
    }),
  };
}

/** Where a login of this CLI may lie that nobody can look at; null: nowhere. @param platform  `"linux x64"`. */
export function hiddenLogin(name: HarnessName, platform: string): string | null {
  const { any, darwin } = CAPABILITIES[name].login.elsewhere ?? {};
  return any ?? (platform.startsWith("darwin") ? (darwin ?? null) : null);
}

/** The rows of the table in docs/agents.md: a word and a cell for each harness. */
export function capabilityRows(): readonly (readonly string[])[] {
  const all = Object.entries(CAPABILITIES);
  const row = (word: string, cell: (one: Capabilities) => string): readonly string[] => [
    word,
    ...all.map(([, one]) => cell(one)),
  ];
  const yes = (value: boolean): string => (value ? "yes" : "no");
  const code = (text: string | null): string => (text === null ? "no" : `\`${text}\``);
  return [
    ["", ...all.map(([name]) => name)],
    row("version that the tests run", ({ tested }) => tested ?? "–"),
    row("stream", ({ stream }) => (stream.includes("lines") ? stream : `\`${stream}\``)),
    row("a session goes on by", ({ resume }) => code(resume)),
    row("messages while it works", ({ messages }) => messages),
    row("sandbox that Corral turns on", ({ sandbox }) => sandbox ?? "no"),
    row("tells tokens with", ({ tokens }) => tokens ?? "no"),
    row("tells cost with", ({ cost }) => cost ?? "no"),
    row("stops itself at a cost", ({ ownCostLimit }) => code(ownCostLimit)),
    row("a tool call is seen when it begins", ({ callsSeen }) => yes(callsSeen)),
    row("tells retries on", ({ retries }) => retries ?? "–"),
    row("memory of a small run, MB", ({ memoryMb }) =>
      memoryMb === null ? "–" : String(memoryMb),
    ),
  ];
}
