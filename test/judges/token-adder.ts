/**
 * A loopback proxy that adds the bearer token: the conformance suite cannot send one. Host
 * and Origin are passed on (with the port put right), so that its tests of them still judge us.
 */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface TokenAdder {
  /** Where the judge connects. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param target  Port of the server that is judged. */
export async function addToken(target: number, token: string): Promise<TokenAdder> {
  const server = createServer((incoming, outgoing) => {
    const { port } = server.address() as AddressInfo;
    const moved = (value: string | undefined) => value?.replace(`:${port}`, `:${target}`);
    const { host, origin } = incoming.headers;
    const headers = { ...incoming.headers, host: moved(host), authorization: `Bearer ${token}` };
    if (origin !== undefined) Object.assign(headers, { origin: moved(origin) });
    const { method, url: path } = incoming;
    const forward = request({
      host: "127.0.0.1",
      port: target,
      method,
      path,
      headers,
      agent: false,
    });
    forward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forward.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
