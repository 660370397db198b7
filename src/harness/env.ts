/**
 * What an agent takes over from the daemon's environment: this list and nothing else.
 *
 * The user's whole environment is never passed: it holds the secrets of other programs,
 * and what an agent can read it may print. A trailing `*` stands for any ending. A name
 * that is missing here can be given with a deploy call's `env`.
 */

interface EnvGroup {
  readonly why: string;
  readonly names: readonly string[];
}

const BASE_GROUPS: readonly EnvGroup[] = [
  {
    why: "find programs, the user's files and the user",
    names: ["PATH", "HOME", "USER", "LOGNAME", "SHELL"],
  },
  { why: "read and print text and times as the user does", names: ["LANG", "LC_*", "TERM", "TZ"] },
  {
    why: "reach the network where it is only reachable through a proxy",
    names: [
      "HTTP_PROXY",
      "HTTPS_PROXY",
      "ALL_PROXY",
      "NO_PROXY",
      "http_proxy",
      "https_proxy",
      "all_proxy",
      "no_proxy",
    ],
  },
  {
    why: "trust the certificates that the machine trusts",
    names: [
      "SSL_CERT_FILE",
      "SSL_CERT_DIR",
      "NODE_EXTRA_CA_CERTS",
      "REQUESTS_CA_BUNDLE",
      "CURL_CA_BUNDLE",
      "GIT_SSL_CAINFO",
    ],
  },
  {
    why: "find configuration that the user moved",
    names: ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"],
  },
];

const CLAUDE_GROUPS: readonly EnvGroup[] = [
  {
    why: "log in, and choose models and end points as the user does",
    names: ["ANTHROPIC_*", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"],
  },
  {
    why: "choose the provider and how to authenticate to it",
    names: [
      "CLAUDE_CODE_USE_BEDROCK",
      "CLAUDE_CODE_USE_VERTEX",
      "CLAUDE_CODE_USE_FOUNDRY",
      "CLAUDE_CODE_USE_MANTLE",
      "CLAUDE_CODE_USE_GATEWAY",
      "CLAUDE_CODE_USE_ANTHROPIC_AWS",
      "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
      "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
      "CLAUDE_CODE_SKIP_VERTEX_AUTH",
      "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
      "CLAUDE_CODE_SKIP_MANTLE_AUTH",
      "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    ],
  },
  {
    why: "mutual TLS to a gateway",
    names: [
      "CLAUDE_CODE_CLIENT_CERT",
      "CLAUDE_CODE_CLIENT_KEY",
      "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
      "CLAUDE_CODE_CERT_STORE",
    ],
  },
  {
    why: "Amazon Bedrock, with the credential chain that Claude Code documents",
    names: [
      "AWS_REGION",
      "AWS_DEFAULT_REGION",
      "AWS_PROFILE",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_BEARER_TOKEN_BEDROCK",
      "AWS_CONFIG_FILE",
      "AWS_SHARED_CREDENTIALS_FILE",
      "AWS_ROLE_ARN",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
      "AWS_CA_BUNDLE",
    ],
  },
  {
    why: "Google Vertex AI",
    names: [
      "GOOGLE_APPLICATION_CREDENTIALS",
      "GOOGLE_CLOUD_PROJECT",
      "CLOUD_ML_REGION",
      "VERTEX_REGION_*",
    ],
  },
  {
    why: "the user's own choices about traffic, tools and time",
    names: [
      "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
      "DISABLE_TELEMETRY",
      "DISABLE_ERROR_REPORTING",
      "ENABLE_TOOL_SEARCH",
      "API_TIMEOUT_MS",
      "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    ],
  },
];

const CODEX_GROUPS: readonly EnvGroup[] = [
  {
    why: "log in with a key, and reach another end point",
    names: ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN", "OPENAI_*", "AZURE_OPENAI_*"],
  },
  { why: "trust what Codex is told to trust", names: ["CODEX_CA_CERTIFICATE"] },
];

const GEMINI_GROUPS: readonly EnvGroup[] = [
  {
    why: "log in with a key, Vertex AI or an account, and reach another end point",
    names: [
      "GEMINI_API_KEY",
      "GEMINI_API_KEY_AUTH_MECHANISM",
      "GEMINI_MODEL",
      "GEMINI_CLI_CUSTOM_HEADERS",
      "GOOGLE_API_KEY",
      "GOOGLE_APPLICATION_CREDENTIALS",
      "GOOGLE_CLOUD_*",
      "GOOGLE_GENAI_*",
      "GOOGLE_GEMINI_BASE_URL",
      "GOOGLE_VERTEX_BASE_URL",
      "CODE_ASSIST_ENDPOINT",
    ],
  },
];

const OPENCODE_GROUPS: readonly EnvGroup[] = [
  {
    why: "the keys of the providers that opencode names first",
    names: [
      "OPENCODE_API_KEY",
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
      "GEMINI_API_KEY",
      "GOOGLE_GENERATIVE_AI_API_KEY",
      "OPENROUTER_API_KEY",
      "GROQ_API_KEY",
      "MISTRAL_API_KEY",
      "DEEPSEEK_API_KEY",
      "XAI_API_KEY",
    ],
  },
  {
    why: "Amazon Bedrock and Google Vertex AI",
    names: [
      "AWS_REGION",
      "AWS_PROFILE",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_BEARER_TOKEN_BEDROCK",
      "GOOGLE_APPLICATION_CREDENTIALS",
      "GOOGLE_CLOUD_PROJECT",
      "VERTEX_LOCATION",
    ],
  },
  {
    why: "find configuration that the user moved, and fetch nothing that the user does not want",
    names: ["OPENCODE_CONFIG_DIR", "OPENCODE_DISABLE_*"],
  },
];

const namesOf = (groups: readonly EnvGroup[]) => groups.flatMap(({ names }) => names);

/** Names that every agent takes over. */
export const BASE_ENV_ALLOW: readonly string[] = namesOf(BASE_GROUPS);

/** Names that a Claude Code agent takes over. */
export const CLAUDE_ENV_ALLOW: readonly string[] = namesOf([...BASE_GROUPS, ...CLAUDE_GROUPS]);

/** Names that a Codex agent takes over. */
export const CODEX_ENV_ALLOW: readonly string[] = namesOf([...BASE_GROUPS, ...CODEX_GROUPS]);

/** Names that a Gemini CLI agent takes over. */
export const GEMINI_ENV_ALLOW: readonly string[] = namesOf([...BASE_GROUPS, ...GEMINI_GROUPS]);

/** Names that an opencode agent takes over. */
export const OPENCODE_ENV_ALLOW: readonly string[] = namesOf([...BASE_GROUPS, ...OPENCODE_GROUPS]);

/**
 * The part of an environment that an allow-list lets through.
 *
 * @param allow  Names; a trailing `*` matches any ending.
 * @returns      Only names that are set, with their values unchanged.
 */
export function allowedEnv(
  allow: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const exact = new Set(allow.filter((name) => !name.endsWith("*")));
  const prefixes = allow.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) passed[name] = value;
  }
  return passed;
}
