/** The settings of a state directory: its file and the environment, checked as a whole. */
import { readFileSync } from "node:fs";
import { refuseSlowPatterns } from "../adapters/regex/linear-time.ts";
import { errnoOf, Fault, messageOf } from "../kernel/fault.ts";
import {
  type Configuration,
  readConfiguration,
  type SettingSource,
  settingSources,
} from "../supervision/configuration.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";

export interface SettingsRead {
  readonly configuration: Configuration;
  readonly sources: Readonly<Record<keyof Configuration, SettingSource>>;
}

/** The settings in force. @throws {Fault} CONFIG_INVALID. */
export function readSettings(paths: StatePaths, env: PathEnvironment): SettingsRead {
  const file = readConfigFile(paths.configFile);
  const configuration = readConfiguration(file, env);
  refuseSlowPatterns(configuration.redact_patterns);
  return { configuration, sources: settingSources(file, env) };
}

function readConfigFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return {};
    throw unreadableConfig(error);
  }
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw unreadableConfig(error);
  }
}

function unreadableConfig(cause: unknown): Fault {
  return new Fault("CONFIG_INVALID", `config.json cannot be read: ${messageOf(cause)}.`, {
    hint: "Correct the file as docs/configuration.md says, then start the daemon again.",
    cause,
  });
}
