import { defineConfig } from "vitest/config";

// The leak suite: short by default, CORRAL_LEAKS=long for the long form; see docs/reliability.md.
export default defineConfig({
  test: {
    include: ["test/leaks/**/*.test.ts"],
    // Tear-down runs in reverse: the table is printed first, then the guard asks what is left.
    globalSetup: ["test/helpers/leak-guard.ts", "test/leaks/closing-table.ts"],
    pool: "forks",
    // One after another: every figure is that of one test alone.
    fileParallelism: false,
    // Rounds of faults mostly wait for processes: some worlds at once, in tests that say so and measure no time.
    maxConcurrency: 3,
    testTimeout: 14_400_000,
    hookTimeout: 60_000,
  },
});
