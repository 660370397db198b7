import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { credentialOf } from "../../../src/harness/credential.ts";

const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const of = (
  harness: Parameters<typeof credentialOf>[0],
  env: Record<string, string> = {},
  model: string | null = null,
) => credentialOf(harness, { HOME: "/h", ...env }, model, digest);

describe("an account", () => {
  test("is the key in the environment, else the file of the login", () => {
    expect(of("claude", { ANTHROPIC_API_KEY: "k" })?.label).toBe("ANTHROPIC_API_KEY");
    expect(of("codex")?.label).toBe("/h/.codex/auth.json");
    expect(of("claude", { CLAUDE_CONFIG_DIR: "/c" })?.label).toBe("/c/.credentials.json");
  });
  test("is another one with another key, end point, folder or CLI", () => {
    const keys = [
      of("claude"),
      of("claude", { ANTHROPIC_API_KEY: "k" }),
      of("claude", { ANTHROPIC_API_KEY: "l" }),
      of("claude", { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "http://x" }),
      of("claude", { HOME: "/i" }),
      of("codex"),
    ].map((one) => one?.key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(of("claude", { PATH: "/x" })?.key).toBe(of("claude", { PATH: "/y" })?.key);
  });
  test("shows no key", () => {
    expect(JSON.stringify(of("claude", { ANTHROPIC_API_KEY: "sk-secret" }))).not.toContain(
      "secret",
    );
  });
  test("of opencode is a provider's, of Gemini a model's; of the others no model matters", () => {
    expect(of("opencode", {}, "a/one")?.key).toBe(of("opencode", {}, "a/two")?.key);
    expect(of("opencode", {}, "a/one")?.key).not.toBe(of("opencode", {}, "b/one")?.key);
    expect(of("gemini", {}, "pro")?.key).not.toBe(of("gemini", {}, "flash")?.key);
    expect(of("gemini", {}, "pro")?.label).toContain("(pro)");
    expect(of("claude", {}, "opus")?.key).toBe(of("claude", {}, "sonnet")?.key);
  });
  test("of a program that nobody knows is none", () => expect(of("command")).toBeNull());
});
