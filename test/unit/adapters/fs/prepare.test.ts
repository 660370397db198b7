/** What a deploy writes for an agent: whose it is, who may read it, and what a link may lead to. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { agentFiles } from "../../../../src/adapters/fs/agent-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prepare-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const mode = (path: string) => statSync(path).mode & 0o777;

test("files in folders of their own are 0600 in 0700", () => {
  const files = agentFiles(join(folder, "bells"));
  const agent = join(folder, "agent");
  files.prepare(agent, [{ name: "home/.cli/settings.json", text: "secret" }], []);
  expect(mode(join(agent, "home/.cli/settings.json"))).toBe(0o600);
  expect([mode(join(agent, "home")), mode(join(agent, "home/.cli"))]).toEqual([0o700, 0o700]);
});

test("a link is made to what is there only, and its release leaves the user's file alone", () => {
  const files = agentFiles(join(folder, "bells"));
  const [agent, user] = [join(folder, "agent"), join(folder, "user")];
  mkdirSync(user);
  writeFileSync(join(user, "auth.json"), "login");
  const link = (name: string) => ({ name: `home/${name}`, target: join(user, name) });
  files.prepare(agent, [], [link("auth.json"), link("config.toml")]);
  expect(readFileSync(join(agent, "home/auth.json"), "utf8")).toBe("login");
  expect(lstatSync(join(agent, "home/config.toml"), { throwIfNoEntry: false })).toBeUndefined();
  expect(files.remove(join(agent, "home/auth.json"))).toBe("no such file");
  expect(readFileSync(join(user, "auth.json"), "utf8")).toBe("login");
});

test("a user's file that is not there, or is a folder, is none", () => {
  const files = agentFiles(join(folder, "bells"));
  writeFileSync(join(folder, "settings.json"), "{}");
  expect(files.readUserFile(join(folder, "settings.json"))).toBe("{}");
  expect(files.readUserFile(join(folder, "none"))).toBeNull();
  expect(files.readUserFile(folder)).toBeNull();
});
