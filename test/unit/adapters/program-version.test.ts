import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { programVersion } from "../../../src/adapters/process/program-version.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "version-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(path: string, script: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

test("a package tells it, behind links, and the program is not run", async () => {
  const path = program(join(folder, "pkg/bin/cli"), "#!/bin/sh\nexit 1\n");
  writeFileSync(join(folder, "pkg/package.json"), '{"version":"1.2.3"}');
  symlinkSync(path, join(folder, "link"));
  expect(await programVersion(join(folder, "link"))).toBe("1.2.3");
});

test("a path tells it", async () => {
  expect(await programVersion(program(join(folder, "versions/4.5.6/cli"), ""))).toBe("4.5.6");
});

test("the program itself is asked last, without a home to write into", async () => {
  const script = '#!/bin/sh\n[ "$HOME" = /dev/null ] && echo "cli 7.8.9"\n';
  expect(await programVersion(program(join(folder, "cli"), script))).toBe("7.8.9");
});

test("one that says nothing, fails or is not there has no version", async () => {
  expect(await programVersion(program(join(folder, "a"), "#!/bin/sh\nexit 3\n"))).toBeNull();
  expect(await programVersion(program(join(folder, "b"), "#!/bin/sh\necho hello\n"))).toBeNull();
  expect(await programVersion(join(folder, "none"))).toBeNull();
});
