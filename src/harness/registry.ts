/** The harnesses by name. A new agent CLI is a file in this room and a line here. */
import type { HarnessName } from "../contract/agent.ts";
import { claudeHarness } from "./claude.ts";
import { codexHarness } from "./codex.ts";
import { commandHarness } from "./command.ts";
import { geminiHarness } from "./gemini.ts";
import type { Harness } from "./harness.ts";
import { opencodeHarness } from "./opencode.ts";

export const HARNESS_BY_NAME: Readonly<Record<HarnessName, Harness>> = {
  claude: claudeHarness,
  codex: codexHarness,
  gemini: geminiHarness,
  opencode: opencodeHarness,
  command: commandHarness,
};

/** The harness of that name. Every published name has one. */
export function harnessNamed(name: HarnessName): Harness {
  return HARNESS_BY_NAME[name];
}
