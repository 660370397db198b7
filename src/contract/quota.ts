/** Accounts of providers whose quota is used up, and what is known of when it comes back. */
import { z } from "zod";
import { HarnessName } from "./agent.ts";

export const QuotaView = z.object({
  harness: HarnessName,
  credential: z.string().describe("the account: names of variables, or the file of a login"),
  state: z
    .enum(["open", "half_open"])
    .describe("open: deploys are refused; half_open: its time is over, and the next one tries"),
  until: z.string(),
  named: z.boolean().describe("true when its provider named that time; false: a guess"),
  message: z.string().describe("what the provider said"),
  since: z.string(),
  opened_by: z.string().describe("the agent that was refused"),
  trying: z.string().nullable().describe("the agent that tries"),
});
export type QuotaView = z.infer<typeof QuotaView>;

export const QuotaResetInput = z.strictObject({ harness: HarnessName });
export type QuotaResetInput = z.infer<typeof QuotaResetInput>;
export const QuotaResetAnswer = z.object({
  closed: z.array(z.object({ harness: HarnessName, credential: z.string() })),
});
export type QuotaResetAnswer = z.infer<typeof QuotaResetAnswer>;
