/** The real CLIs read what `corral install` wrote, start the bridge by it, and are as before afterwards. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { CLI_BIN } from "../helpers/real-clis.ts";
import { makeWorld } from "../helpers/world.ts";

const run = promisify(execFile);

/** What `mcp list` says of an entry that works; Codex only reads its file and starts nothing. */
const LISTED = {
  claude: /corral: .*mcp.*Connected/,
  codex: /corral .*corral\.js mcp .*enabled/,
  gemini: /corral: .*mcp.*Connected/,
  opencode: /corral.*connected/s,
} as const;
const FILES = {
  claude: ".claude.json",
  codex: ".codex/config.toml",
  gemini: ".gemini/settings.json",
  opencode: ".config/opencode/opencode.jsonc",
} as const;

test.for(["claude", "codex", "gemini", "opencode"] as const)(
  "%s sees the bridge and can start it",
  { timeout: 120_000 },
  async (name) => {
    await using world = await makeWorld();
    const file = join(world.home, FILES[name]);
    const env = {
      ...world.env,
      PATH: `${CLI_BIN}:${world.env["PATH"] ?? ""}`,
      // Nothing answers there, so that nobody waits for the world.
      HTTPS_PROXY: "http://127.0.0.1:9",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      GEMINI_CLI_TRUST_WORKSPACE: "true",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_AUTOUPDATE: "1",
    };
    const refused = await world.corral(["install", name]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("CONFIRMATION_NEEDED");
    expect(existsSync(file)).toBe(false);

    expect(await world.corral(["install", name, "--yes"])).toMatchObject({ code: 0 });
    const { stderr, stdout } = await run(name, ["mcp", "list"], { cwd: world.home, env });
    expect(plain(`${stdout}${stderr}`)).toMatch(LISTED[name]);

    expect(await world.corral(["install", name, "--undo", "--yes"])).toMatchObject({ code: 0 });
    if (existsSync(file)) expect(readFileSync(file, "utf8")).not.toContain("corral.js");
  },
);

/** Without colours and columns of blanks. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/\u001b\[[0-9;]*m/g, "").replaceAll(/ +/g, " ");
}
