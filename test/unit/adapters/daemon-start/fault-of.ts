import { Fault } from "../../../../src/kernel/fault.ts";

/** The fault that a call ends with; anything else fails the test. */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("expected a fault, and the call succeeded");
}
