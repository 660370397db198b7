/** The demo, as a user runs it: its own verdict, and then the operating system's about the demo. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { mentions, processes } from "../helpers/os-look.ts";

const LAUNCHER = new URL("../../bin/corral.js", import.meta.url).pathname;
/** The demo aims for 12 s alone on a machine; test machines are shared. */
const TIMEOUT_MS = 120_000;

interface DemoDocument {
  readonly ok: boolean;
  readonly agents: readonly { agent_type: string; status: string; cleanup: { state: string } }[];
  readonly receipts: readonly { survivors: readonly unknown[] }[];
  readonly tests: { readonly passed: boolean };
  readonly proof: readonly { what: string; before: number | null; left: number }[];
  readonly error: unknown;
}

/** A temporary folder of the test's own, so that what the demo leaves can be told from others'. */
function demo(...words: readonly string[]) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "e2e-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const child = spawn(process.execPath, [LAUNCHER, "demo", ...words], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, folder };
}

function expectNothingLeftOf(folder: string): void {
  expect(readdirSync(folder)).toEqual([]);
  const left = processes().filter(({ pid }) => pid !== process.pid && mentions(pid, folder));
  expect(left).toEqual([]);
}

describe("corral demo", () => {
  test(
    "ends every agent as told, gives everything back, and proves it",
    { timeout: TIMEOUT_MS },
    async () => {
      const { child, folder } = demo("--json");
      const [out, err, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "exit") as Promise<[number | null]>,
      ]);
      const document = JSON.parse(out) as DemoDocument;
      expect({ code, ok: document.ok, error: document.error }, err).toEqual({
        code: 0,
        ok: true,
        error: null,
      });
      expect(Object.fromEntries(document.agents.map((it) => [it.agent_type, it.status]))).toEqual({
        fixer: "completed",
        investigator: "completed",
        counter: "completed",
        crasher: "failed",
        hydra: "killed",
      });
      expect(new Set(document.agents.map((it) => it.cleanup.state))).toEqual(new Set(["clean"]));
      expect(document.receipts.flatMap((it) => it.survivors)).toEqual([]);
      expect(document.tests.passed).toBe(true);
      expect(document.proof.filter(({ left }) => left !== 0)).toEqual([]);
      // An instrument that showed nothing while six daemons ran would prove nothing.
      const named = document.proof.find(({ what }) => what === "processes that name the folder");
      expect(named?.before).toBeGreaterThan(0);
      expectNothingLeftOf(folder);
    },
  );

  test(
    "gives everything back when it is interrupted in the middle",
    { timeout: TIMEOUT_MS },
    async () => {
      const { child, folder } = demo();
      const exited = once(child, "exit") as Promise<[number | null]>;
      const lines: string[] = [];
      for await (const line of createInterface(child.stdout)) {
        lines.push(line);
        if (line.includes("deploy_headless_agent: hydra")) child.kill("SIGINT");
      }
      const [code] = await exited;
      expect(code, lines.join("\n")).toBe(130);
      expect(lines.some((line) => line.includes("Interrupted"))).toBe(true);
      expect(existsSync(folder)).toBe(true);
      expectNothingLeftOf(folder);
    },
  );

  test("gives everything back when its reader leaves", { timeout: TIMEOUT_MS }, async () => {
    const { child, folder } = demo();
    const exited = once(child, "exit") as Promise<[number | null]>;
    for await (const line of createInterface(child.stdout)) {
      if (line.includes("deploy_headless_agent: fixer")) break;
    }
    child.stdout.destroy();
    expect((await exited)[0]).toBe(130);
    expect(await text(child.stderr)).toBe("");
    expectNothingLeftOf(folder);
  });
});
