/** Which ports are listened on in a network namespace, by the number of the socket. */
import type { PortView } from "../../contract/sampling.ts";
import { readText } from "./proc-table.ts";

export type Listener = Omit<PortView, "pid">;

/** States of /proc/net/*: TCP that listens, UDP that is bound and connected to nobody. */
const LISTENS = { tcp: "0A", udp: "07" } as const;
const FILES = [
  ["tcp", "tcp"],
  ["tcp6", "tcp"],
  ["udp", "udp"],
  ["udp6", "udp"],
] as const;

/** @param net  A `net` folder of /proc: of a process, which shows its own namespace. Null text counts as none. */
export function listenersIn(net: string): ReadonlyMap<string, Listener> {
  const found = new Map<string, Listener>();
  for (const [file, protocol] of FILES) {
    let text: string | null = null;
    try {
      text = readText(`${net}/${file}`);
    } catch {
      // Another user's, or one without IPv6: then nothing is told of its ports.
    }
    for (const [inode, listener] of parseListeners(text ?? "", protocol))
      found.set(inode, listener);
  }
  return found;
}

/** Rows of /proc/net/tcp and the like. Pure. */
export function parseListeners(
  text: string,
  protocol: "tcp" | "udp",
): ReadonlyMap<string, Listener> {
  const found = new Map<string, Listener>();
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local = "", , state, , , , , , inode = ""] = fields;
    if (state !== LISTENS[protocol]) continue;
    const [address = "", port = ""] = local.split(":");
    found.set(inode, { protocol, address: addressOf(address), port: Number.parseInt(port, 16) });
  }
  return found;
}

/** The kernel writes words of four bytes, each in the order of the machine: the lowest first. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  const groups = Array.from({ length: 8 }, (_, at) =>
    Number.parseInt(`${bytes[at * 2]}${bytes[at * 2 + 1]}`, 16).toString(16),
  );
  const isMapped = groups.slice(0, 5).every((one) => one === "0") && groups[5] === "ffff";
  if (isMapped)
    return bytes
      .slice(12)
      .map((byte) => Number.parseInt(byte, 16))
      .join(".");
  return groups.join(":").replace(/(?:^|:)0(?::0)+(?::|$)/, "::");
}
