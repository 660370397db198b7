import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { listenersIn, parseListeners } from "../../../src/adapters/proc/listening.ts";
import { pageBytes, parseStatUse } from "../../../src/adapters/proc/stat-use.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const row = (local: string, state: string, inode: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 0 10 0`;

describe("ports that are listened on", () => {
  test("are read from the kernel's table, and no connections", () => {
    const text = [HEAD, row("0100007F:1F90", "0A", "41"), row("0100007F:1F90", "01", "42"), ""];
    expect([...parseListeners(text.join("\n"), "tcp")]).toEqual([
      ["41", { protocol: "tcp", address: "127.0.0.1", port: 8_080 }],
    ]);
  });

  test("have addresses of six and of four in six as people write them", () => {
    const address = (hex: string) =>
      [...parseListeners(`${HEAD}\n${row(`${hex}:0050`, "0A", "1")}`, "tcp").values()][0]?.address;
    expect(address("00000000000000000000000000000000")).toBe("::");
    expect(address("00000000000000000000000001000000")).toBe("::1");
    expect(address("0000000000000000FFFF00000100007F")).toBe("127.0.0.1");
    expect(address("B80D0120000000000000000001000000")).toBe("2001:db8::1");
  });

  test.runIf(existsSync("/proc/self/net/tcp"))(
    "are those that this process has opened",
    async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      onTestFinished(() => void server.close());
      const socket = createSocket("udp4").bind(0, "127.0.0.1");
      await once(socket, "listening");
      onTestFinished(() => void socket.close());
      const seen = [...listenersIn("/proc/self/net").values()];
      const tcp = (server.address() as AddressInfo).port;
      expect(seen).toContainEqual({ protocol: "tcp", address: "127.0.0.1", port: tcp });
      const udp = socket.address().port;
      expect(seen).toContainEqual({ protocol: "udp", address: "127.0.0.1", port: udp });
    },
  );

  test("of a namespace that cannot be looked into are none", () => {
    expect(listenersIn("/nowhere/net").size).toBe(0);
  });
});

describe.runIf(existsSync("/proc/self/stat"))("the stat of a process", () => {
  test("tells memory and processor time as the system does", () => {
    const seen = parseStatUse(readFileSync("/proc/self/stat", "latin1"));
    const { rss } = process.memoryUsage();
    const bytes = (seen?.residentPages ?? 0) * pageBytes();
    expect(Math.abs(bytes - rss) / rss).toBeLessThan(0.2);
    const { system, user } = process.cpuUsage();
    expect(Math.abs((seen?.cpuMs ?? 0) - (system + user) / 1_000)).toBeLessThan(1_000);
  });

  test("is nothing when it is cut off, or of a dead process", () => {
    expect(parseStatUse("12 (sh) S 1 2")).toBeNull();
    const fields = Array.from({ length: 50 }, () => "1").join(" ");
    expect(parseStatUse(`12 (sh) Z ${fields.replaceAll("2", "1")}`)).toBeNull();
  });
});
