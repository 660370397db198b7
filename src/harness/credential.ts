/** Whose quota an agent uses: its harness with the account that its CLI will find. Pure. */
import type { HarnessName } from "../contract/agent.ts";
import { CAPABILITIES, loginSigns } from "./capabilities.ts";
import type { Environment } from "./harness.ts";

export interface Credential {
  /** The same for two agents that use one account, as far as can be told. Holds no secret. */
  readonly key: string;
  /** For people: names of variables, or the file of a login. */
  readonly label: string;
}

/** Another end point is another provider, whatever the key is. */
const END_POINTS = [
  "ANTHROPIC_BASE_URL",
  "OPENAI_BASE_URL",
  "GOOGLE_GEMINI_BASE_URL",
  "GOOGLE_VERTEX_BASE_URL",
];
const KEY_CHARS = 16;

/**
 * The account of an agent. Keys in its environment win over logins in files, as in the CLIs. A login is
 * known by its file: what is in it changes each time it is renewed.
 *
 * @param env     The environment in which the user's login lies: the daemon's, with what the agent was given.
 * @param model   What it was deployed with: the provider of an opencode, and the quota of a Gemini, hang on it.
 * @param digest  One-way and salted, for the values of keys.
 * @returns       Null for a program that has no provider that we know of.
 */
export function credentialOf(
  harness: HarnessName,
  env: Environment,
  model: string | null,
  digest: (text: string) => string,
): Credential | null {
  if (CAPABILITIES[harness].tokens === null) return null;
  const { files, variables } = loginSigns(harness, env);
  const label = variables.length > 0 ? variables.join(", ") : (files[0] ?? "unknown");
  const named = [...variables, ...END_POINTS].map((name) => `${name}=${env[name] ?? ""}`);
  const part = partOf(harness, model);
  const facts = [label, part, ...named].join("\n");
  return {
    key: `${harness}:${digest(facts).slice(0, KEY_CHARS)}`,
    label: part === "" ? label : `${label} (${part})`,
  };
}

function partOf(harness: HarnessName, model: string | null): string {
  if (model === null) return "";
  if (harness === "opencode") return model.split("/")[0] ?? "";
  return harness === "gemini" ? model : "";
}
