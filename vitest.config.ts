import { defineConfig } from "vitest/config";

// Kinds of tests are folders: `vitest run test/unit`, `test/contract`, `test/pins`, `test/fault`, `test/e2e`, `test/judges`.
export default defineConfig({
  test: {
    include: ["test/{unit,contract,pins,fault,e2e,judges}/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    globalSetup: ["test/helpers/leak-guard.ts"],
    // Real processes and a small machine: two files at a time, each in a process of its own.
    pool: "forks",
    maxWorkers: 2,
    // Real processes on a noisy machine: in CI a test may fail once; it is printed as retried, and what
    // it left behind fails the run all the same. At home it fails at once.
    retry: process.env["CI"] === undefined ? 0 : 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is waited for here is what the system does, on a machine that may be busy.
    expect: { poll: { timeout: 15_000 } },
  },
});
