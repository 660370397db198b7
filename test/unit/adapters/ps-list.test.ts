import { expect, test } from "vitest";
import { psList } from "../../../src/adapters/containment/ps-list.ts";

test("two answers of ps become processes and details; zombies and newcomers are no harm", () => {
  const rows = [
    "    1     0     1     0 Ss   Wed Nov 25 10:00:00 2026     /sbin/launchd",
    "  501     1   501   502 S    Wed Nov 25 11:00:00 2026     /opt/homebrew/bin/claude -p --verbose",
    "  502     1   502   502 Z    Wed Nov 25 11:00:01 2026     (claude)",
  ].join("\n");
  const { processes, details } = psList(rows, "    1  12000\n  501  4096\n  777 1\n");
  expect(processes.map(({ pid }) => pid)).toEqual([1, 501]);
  expect(processes[1]).toMatchObject({
    ppid: 1,
    sessionId: null,
    name: "claude",
    argv: ["/opt/homebrew/bin/claude", "-p", "--verbose"],
  });
  expect(details.get(501)).toEqual({
    uid: 502,
    memoryBytes: 4_194_304,
    cwd: null,
    groups: null,
    isOurs: false,
  });
});
