/** The settings that limit agents, tasks, and all agents together. */
import { z } from "zod";
import { count, dollars, mebibytes, setting, upTo } from "./setting-kinds.ts";

/** By their names in `config.json`; part of SETTINGS. */
export const LIMIT_SETTINGS = {
  limit_running: setting(count(500), 20, "Agents of one task that may run at once."),
  limit_total: setting(count(10_000), 45, "Agents that one task may have in all."),
  limit_depth: setting(count(20), 5, "Generations of agents below the orchestrator."),
  limit_processes: setting(
    z.coerce.number().int().min(8).max(100_000),
    1_024,
    "Processes and threads of one agent.",
  ),
  limit_memory_mb: setting(
    upTo(4_194_304),
    0,
    "MiB of memory of one agent; 0 is no limit but that of all together.",
  ),
  limit_open_files: setting(
    upTo(1_048_576),
    65_536,
    "Files that each process of an agent may have open, less where less is allowed; 0 leaves what is inherited.",
  ),
  limit_cpu_weight: setting(
    count(10_000),
    100,
    "Share of the processors that one agent gets when all want them; 100 is everybody's.",
  ),
  limit_all_processes: setting(
    upTo(4_194_304),
    0,
    "Processes and threads of all agents together; 0 is 16 times limit_processes, at most half of what the machine has.",
  ),
  limit_all_memory_mb: setting(
    upTo(4_194_304),
    0,
    "MiB of memory of all agents together; 0 is four fifths of the machine's.",
  ),
  limit_all_cpu_weight: setting(
    count(10_000),
    100,
    "Share of the processors that all agents together get against your other programs; 100 is everybody's.",
  ),
  limit_output_mb: setting(
    mebibytes,
    10_240,
    "MiB that one agent may print before it is stopped; 0 for no cap.",
  ),
  limit_disk_mb: setting(
    mebibytes,
    20_480,
    "MiB that the streams and temporary files of one agent may take before it is stopped; 0 for no cap.",
  ),
  limit_task_disk_mb: setting(
    mebibytes,
    102_400,
    "MiB that the files of all agents of one task may take; 0 for no cap.",
  ),
  limit_tokens: setting(
    upTo(1_000_000_000_000),
    0,
    "Tokens, in and out, that one agent may use before it is stopped; 0 for no limit.",
  ),
  limit_cost_usd: setting(
    dollars,
    0,
    "US dollars that one agent may cost before it is stopped, where its CLI tells costs; 0 for no limit.",
  ),
  limit_task_tokens: setting(
    upTo(1_000_000_000_000),
    0,
    "Tokens that all agents of one task may use together; 0 for no limit.",
  ),
  limit_task_cost_usd: setting(
    dollars,
    0,
    "US dollars that all agents of one task may cost together, as far as their CLIs tell; 0 for no limit.",
  ),
  budget_near_percent: setting(
    count(100),
    80,
    "Percent of a limit on tokens or cost from which on it is told that the limit is near.",
  ),
} as const;
