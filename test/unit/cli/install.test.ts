/** `corral install` on real files of every client's format: what changes, and that nothing else does. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientConfigs } from "../../../src/adapters/client-config/client-configs.ts";
import { bridgeCommand, CLIENT_NAMES, CLIENTS } from "../../../src/harness/clients.ts";
import { diffLines } from "../../../src/surface/cli/install/diff.ts";
import { corral } from "./fake-ports.ts";

const LAUNCHER = { onPath: "/bin/corral", node: "/node", script: "/corral.js", stateDir: null };
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "install-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (words: string, over: Parameters<typeof corral>[2] = {}) =>
  corral(["install", ...words.split(" ")], null, {
    env: { HOME: folder },
    cwd: join(folder, "project"),
    clientConfigs: async () =>
      clientConfigs({ stateDir: join(folder, "state"), launcher: () => LAUNCHER }),
    ...over,
  });
const at = (path: string) => join(folder, path);
const put = (path: string, text: string): string => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return at(path);
};
const textOf = (path: string) => readFileSync(at(path), "utf8");
/** Everything below the folder, with what is in it. */
const everything = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name))
    .toSorted()
    .map((path) => [path, readFileSync(path, "utf8")]);

const USER_FILES = {
  claude: ".claude.json",
  codex: ".codex/config.toml",
  gemini: ".gemini/settings.json",
  opencode: ".config/opencode/opencode.jsonc",
  cursor: ".cursor/mcp.json",
  vscode: ".config/Code/User/mcp.json",
} as const;

const COMMENTED = `{
\t// Mine, and it stays.
\t"theme": "dark", /* so does this */
\t"mcpServers": { "mine": { "command": "x" }, },
\t"mcp": {}, "servers": {}
}
`;
const TOML = `# Mine, and it stays.
model = "m"   # so does this

[mcp_servers.mine]
command = "x"

# About what follows.
[projects."/srv/a.b"]
trust_level = "trusted"
`;
const sampleOf = (name: keyof typeof USER_FILES) => (name === "codex" ? TOML : COMMENTED);

describe.for(CLIENT_NAMES)("%s", (name) => {
  const file = USER_FILES[name];

  test("gets its entry where there was no file, again without a change, and gives it back", async () => {
    expect(await run(`${name} --yes`)).toMatchObject({ exit: 0 });
    const written = textOf(file);
    expect(written).toContain("corral");
    expect(written).toContain("mcp");
    expect(statSync(at(file)).mode & 0o777).toBe(0o600);
    const again = await run(`${name} --yes`);
    expect(again.out).toContain("knows Corral already");
    expect(textOf(file)).toBe(written);
    await run(`${name} --undo --yes`);
    expect(existsSync(at(file))).toBe(false);
    expect((await run(`${name} --undo`)).out).toContain("has no entry of Corral");
    expect(everything()).toEqual([]);
  });

  test("keeps comments, order and mode, and is restored to the byte", async () => {
    const sample = sampleOf(name);
    chmodSync(put(file, sample), 0o640);
    await run(`${name} --yes`);
    const written = textOf(file);
    for (const line of sample
      .split("\n")
      .filter((one) => /Mine|theme|model|About|trust/.test(one))) {
      expect(written).toContain(line);
    }
    expect(statSync(at(file)).mode & 0o777).toBe(0o640);
    await run(`${name} --undo --yes`);
    expect(textOf(file)).toBe(sample);
    expect(statSync(at(file)).mode & 0o777).toBe(0o640);
  });

  test("loses the entry alone when the file has changed since", async () => {
    put(file, sampleOf(name));
    await run(`${name} --yes`);
    const changed = textOf(file).replace("Mine", "Mine still");
    put(file, changed);
    await run(`${name} --undo --yes`);
    expect(textOf(file)).toContain("Mine still");
    expect(textOf(file)).not.toContain("corral");
    expect(textOf(file)).toContain(name === "codex" ? "[mcp_servers.mine]" : '"mine"');
  });

  test("an older entry is replaced, and is there again when that is undone", async () => {
    const { editor } = clientConfigs({ stateDir: folder, launcher: () => LAUNCHER });
    const { format, path } = CLIENTS[name];
    const old = editor(format).set(sampleOf(name), path, { command: "old", env: { A: "b" } });
    put(file, old);
    await run(`${name} --yes`);
    expect(editor(format).get(textOf(file), path)).toEqual(
      CLIENTS[name].entry({
        command: CLIENTS[name].isGraphical ? "/node" : "corral",
        args: CLIENTS[name].isGraphical ? ["/corral.js", "mcp"] : ["mcp"],
        env: {},
      }),
    );
    await run(`${name} --undo --yes`);
    // It was there before us, so it is there again.
    expect(textOf(file)).toBe(old);
  });

  test("a file that does not parse is named with its line, and stays", async () => {
    const broken = name === "codex" ? 'model = "m"\n[broken\n' : '{\n  "a": 1,\n  "b" 2\n}\n';
    put(file, broken);
    const { err, exit } = await run(`${name} --yes`);
    expect(exit).toBe(5);
    expect(err).toContain("CLIENT_FILE_UNUSABLE");
    expect(err).toMatch(name === "codex" ? /line 2/ : /line 3/);
    expect(everything()).toEqual([[at(file), broken]]);
  });
});

describe("asking", () => {
  test("without a terminal it shows the difference, refuses and changes nothing", async () => {
    const { err, exit } = await run("gemini");
    expect(exit).toBe(5);
    expect(err).toContain('+    "corral": {');
    expect(err).toContain("CONFIRMATION_NEEDED");
    expect(everything()).toEqual([]);
  });
  test("with --json the difference is in the failure", async () => {
    const { err, exit, out } = await run("gemini --json");
    expect(exit).toBe(5);
    expect(`${out}${err}`).toContain("corral");
    expect(everything()).toEqual([]);
  });
  test("no is no, and yes is yes", async () => {
    const asked: string[] = [];
    const ask = (answer: boolean) => async (question: string) => {
      asked.push(question);
      return answer;
    };
    expect((await run("cursor", { ask: ask(false) })).exit).toBe(5);
    expect(everything()).toEqual([]);
    expect((await run("cursor", { ask: ask(true) })).exit).toBe(0);
    expect(textOf(".cursor/mcp.json")).toContain("corral");
    expect(asked).toEqual(Array(2).fill(`Write this to ${at(".cursor/mcp.json")}? [y/N] `));
  });
  test("--dry-run shows it and changes nothing, also of an undoing", async () => {
    const { out } = await run("claude --dry-run");
    expect(out).toContain('+      "command": "corral",');
    expect(everything()).toEqual([]);
    await run("claude --yes");
    const before = everything();
    expect((await run("claude --undo --dry-run")).out).toContain('-      "command": "corral",');
    expect(everything()).toEqual(before);
  });
});

describe("places", () => {
  test("a project's file is in the project, and Codex has none", async () => {
    mkdirSync(at("project"));
    for (const name of ["claude", "gemini", "opencode", "cursor", "vscode"]) {
      expect((await run(`${name} --scope project --yes`)).exit).toBe(0);
    }
    const files = everything()
      .map(([path]) => path)
      .filter((path) => path?.startsWith(at("project")));
    expect(files).toEqual(
      [
        ".cursor/mcp.json",
        ".gemini/settings.json",
        ".mcp.json",
        ".vscode/mcp.json",
        "opencode.jsonc",
      ].map((path) => at(`project/${path}`)),
    );
    expect((await run("codex --scope project --yes")).exit).toBe(2);
  });

  test("the file that is there already is the one, and variables move it", async () => {
    put(".config/opencode/opencode.json", "{}\n");
    await run("opencode --yes");
    expect(textOf(".config/opencode/opencode.json")).toContain("corral");
    expect(existsSync(at(".config/opencode/opencode.jsonc"))).toBe(false);
    const env = {
      HOME: folder,
      CLAUDE_CONFIG_DIR: at("c"),
      CODEX_HOME: at("x"),
      XDG_CONFIG_HOME: at("g"),
    };
    for (const name of ["claude", "codex", "opencode", "vscode"])
      await run(`${name} --yes`, { env });
    for (const path of [
      "c/.claude.json",
      "x/config.toml",
      "g/opencode/opencode.jsonc",
      "g/Code/User/mcp.json",
    ]) {
      expect(textOf(path)).toContain("corral");
    }
  });

  test("a link stays one, and what it leads to is written", async () => {
    put("dotfiles/settings.json", "{}\n");
    mkdirSync(at(".gemini"));
    symlinkSync("../dotfiles/settings.json", at(".gemini/settings.json"));
    await run("gemini --yes");
    expect(lstatSync(at(".gemini/settings.json")).isSymbolicLink()).toBe(true);
    expect(textOf("dotfiles/settings.json")).toContain("corral");
    await run("gemini --undo --yes");
    expect(textOf("dotfiles/settings.json")).toBe("{}\n");
  });

  test("a link that leads nowhere, a folder, and what is no text are refused", async () => {
    mkdirSync(at(".gemini"));
    symlinkSync("nowhere", at(".gemini/settings.json"));
    expect((await run("gemini --yes")).err).toContain("leads nowhere");
    mkdirSync(at(".cursor/mcp.json"), { recursive: true });
    expect((await run("cursor --yes")).err).toContain("no plain file");
    mkdirSync(at(".codex"));
    writeFileSync(at(".codex/config.toml"), Buffer.from([0xff, 0xfe, 0x00]));
    expect((await run("codex --yes")).err).toContain("no UTF-8");
  });

  test("a file that changes while somebody thinks is not written over", async () => {
    put(".cursor/mcp.json", "{}\n");
    const ask = async () => {
      put(".cursor/mcp.json", '{"new": 1}\n');
      return true;
    };
    const { err, exit } = await run("cursor", { ask });
    expect(exit).toBe(5);
    expect(err).toContain("has changed meanwhile");
    expect(textOf(".cursor/mcp.json")).toBe('{"new": 1}\n');
  });
});

describe("TOML", () => {
  const { editor } = clientConfigs({ stateDir: "/none", launcher: () => LAUNCHER });
  const { get, remove, set } = editor("toml");
  const path = ["mcp_servers", "corral"];

  test("an entry with tables of its own is taken out whole, whatever stands between", () => {
    const text = `[mcp_servers."corral"]\ncommand = "a"\n\n[mcp_servers.corral.env]\nA = "b"\n# about x\n[x]\ny = 1\n`;
    expect(remove(text, path)).toBe("# about x\n[x]\ny = 1\n");
    expect(get(set(text, path, { command: "c" }), path)).toEqual({ command: "c" });
  });
  test("an entry inside an inline table is refused, not mangled", () => {
    const text = `mcp_servers = { corral = { command = "a" } }\n`;
    expect(() => set(text, path, { command: "b" })).toThrow(
      expect.objectContaining({ code: "CLIENT_FILE_UNUSABLE" }),
    );
  });
  test("a line of a long text that looks like a header is no header", () => {
    const text = `a = """\n[mcp_servers.corral]\nnot = ours\n"""\n[mcp_servers.corral]\ncommand = "a"\n`;
    expect(() => remove(text, path)).toThrow(
      expect.objectContaining({ code: "CLIENT_FILE_UNUSABLE" }),
    );
  });
  test("line ends stay what they are", () => {
    const text = "a = 1\r\n\r\n[b]\r\nc = 2\r\n";
    const added = set(text, path, { command: "x" });
    expect(added.replaceAll("\r\n", "")).not.toContain("\n");
    expect(remove(added, path)).toBe(text);
  });
});

describe("what a client starts", () => {
  const shell = { isGraphical: false };
  test("is a name where the PATH is the shell's, and absolute paths elsewhere", () => {
    expect(bridgeCommand(shell, LAUNCHER)).toEqual({ command: "corral", args: ["mcp"], env: {} });
    expect(bridgeCommand({ isGraphical: true }, LAUNCHER).command).toBe("/node");
    expect(bridgeCommand(shell, { ...LAUNCHER, onPath: null }).args).toEqual(["/corral.js", "mcp"]);
  });
  test("finds a state directory that is not the usual one", () => {
    expect(bridgeCommand(shell, { ...LAUNCHER, stateDir: "/s" }).env).toEqual({
      CORRAL_STATE_DIR: "/s",
    });
  });
});

describe("a difference", () => {
  test("has the lines that differ, with three around them", () => {
    expect(diffLines("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n6\n7\n8\n")).toEqual([
      "@@ line 2 @@",
      " 2",
      " 3",
      " 4",
      "-5",
      "+x",
      " 6",
      " 7",
      " 8",
    ]);
    expect(diffLines("a", "a")).toEqual([]);
    expect(diffLines("", "a\n")).toEqual(["@@ line 1 @@", "+a"]);
    expect(diffLines("a\na\n", "a\na\na\n")).toEqual(["@@ line 1 @@", " a", " a", "+a"]);
  });
  test("shows no secret that stands beside", () => {
    const key = `sk-ant-${"a".repeat(40)}`;
    expect(diffLines(`${key}\n`, `${key}\nb\n`).join()).not.toContain(key);
  });
});
