/** Posts notices to a receiver over HTTP, signed with a secret that only we and it know. */
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { errnoOf, messageOf } from "../../kernel/fault.ts";
import { post } from "../http-client/post.ts";
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
        const status = await post(
          url,
          body,
          {
            "content-type": "application/json",
            "user-agent": `corral/${version}`,
            "x-corral-delivery": String(deliveryId),
            "x-corral-timestamp": timestamp,
            "x-corral-signature": signatureOf(secret, timestamp, body),
          },
          ANSWER_MS,
        );
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
