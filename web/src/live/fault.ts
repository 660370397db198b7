import type { FaultWire } from "../../../src/contract/api.ts";

/** A failure as the daemon told it, or as the connection did. */
export class ApiFault extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;

  constructor(
    wire: Pick<FaultWire, "message" | "hint"> & { readonly code: string },
    status: number,
  ) {
    super(wire.message);
    this.code = wire.code;
    this.hint = wire.hint;
    this.status = status;
  }

  /** True when only a new login helps. */
  get isSignedOut(): boolean {
    return this.status === 401;
  }
}
