/** Posts notices to a receiver over HTTP, signed with a secret that only we and it know. */
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { errnoOf, messageOf } from "../../kernel/fault.ts";
import type { Webhooks } from "../../supervision/alerts/ports.ts";

const ANSWER_MS = 10_000;

/**
 * @param secretPath  File (0600) with the secret; made when it is first needed.
 * @param version     Ours, for the receiver's log.
 */
export function webhooks(secretPath: string, version: string): Webhooks {
  let secret: string | null = null;
  return {
    async post(url, deliveryId, body) {
      try {
        secret ??= secretIn(secretPath);
        const timestamp = String(Math.floor(Date.now() / 1_000));
        const status = await send(url, body, {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(body)),
          "user-agent": `corral/${version}`,
          "x-corral-delivery": String(deliveryId),
          "x-corral-timestamp": timestamp,
          "x-corral-signature": signatureOf(secret, timestamp, body),
        });
        return status >= 200 && status < 300 ? null : `it answered ${status}`;
      } catch (error) {
        return messageOf(error);
      }
    },
  };
}

/** What the receiver works out as well: HMAC-SHA-256 over time and body. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

function secretIn(path: string): string {
  try {
    writeFileSync(path, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return readFileSync(path, "utf8").trim();
}

/** Follows no redirection: what is signed is for one receiver. @returns the status. */
function send(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  // As a builtin: imported, it would evaluate all that it exports, at the daemon's start.
  const { request } = url.startsWith("https:")
    ? process.getBuiltinModule("node:https")
    : process.getBuiltinModule("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const outgoing = request(url, { method: "POST", headers, agent: false, timeout: ANSWER_MS });
  const deadline = setTimeout(() => {
    outgoing.destroy(new Error(`no answer within ${ANSWER_MS} ms`));
  }, ANSWER_MS);
  deadline.unref();
  outgoing.once("error", reject);
  outgoing.once("response", (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  outgoing.once("close", () => {
    clearTimeout(deadline);
    reject(new Error("the connection was closed"));
  });
  outgoing.end(body);
  return promise;
}
