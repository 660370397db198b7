/**
 * Faults: the failures Corral expects and can explain.
 *
 * A fault is thrown by a room, carried unchanged through every layer, and rendered
 * once, at the surface that owns the reader (model, terminal, browser). Anything
 * that is not a Fault is a bug and is reported as `INTERNAL`.
 */

/** Which way a code ends a command line call; `docs/errors.md` prints the table. */
export type ExitClass = "usage" | "not-found" | "refused" | "busy" | "unavailable" | "bug";

/** What a code promises its readers. Adding a code is a public change: see docs/errors.md. */
const CATALOGUE = {
  INPUT_INVALID: { http: 400, retryable: false, exit: "usage" },
  CWD_UNUSABLE: { http: 400, retryable: false, exit: "usage" },
  FILTER_INVALID: { http: 400, retryable: false, exit: "usage" },
  CONFIG_INVALID: { http: 400, retryable: false, exit: "usage" },
  TOKEN_INVALID: { http: 401, retryable: false, exit: "refused" },
  LOGIN_INVALID: { http: 401, retryable: false, exit: "refused" },
  FORBIDDEN: { http: 403, retryable: false, exit: "refused" },
  ORIGIN_REFUSED: { http: 403, retryable: false, exit: "refused" },
  ROUTE_UNKNOWN: { http: 404, retryable: false, exit: "not-found" },
  TASK_NOT_FOUND: { http: 404, retryable: false, exit: "not-found" },
  AGENT_NOT_FOUND: { http: 404, retryable: false, exit: "not-found" },
  PLAN_NOT_FOUND: { http: 404, retryable: false, exit: "not-found" },
  TASK_CLOSED: { http: 409, retryable: false, exit: "refused" },
  ARCHIVE_NOT_FOUND: { http: 404, retryable: false, exit: "not-found" },
  RESUME_REFUSED: { http: 409, retryable: false, exit: "refused" },
  AGENT_ENDED: { http: 409, retryable: false, exit: "refused" },
  ARCHIVE_EXISTS: { http: 409, retryable: false, exit: "refused" },
  CLIENT_FILE_UNUSABLE: { http: 409, retryable: false, exit: "refused" },
  CONFIRMATION_NEEDED: { http: 409, retryable: false, exit: "refused" },
  EXPORT_REFUSED: { http: 409, retryable: false, exit: "usage" },
  STATE_LOCKED: { http: 409, retryable: true, exit: "busy" },
  BODY_TOO_LARGE: { http: 413, retryable: false, exit: "usage" },
  BUDGET_SPENT: { http: 402, retryable: false, exit: "refused" },
  LIMIT_REACHED: { http: 429, retryable: true, exit: "busy" },
  QUOTA_EXHAUSTED: { http: 429, retryable: true, exit: "busy" },
  HARNESS_MISSING: { http: 424, retryable: false, exit: "unavailable" },
  LAUNCH_FAILED: { http: 502, retryable: true, exit: "unavailable" },
  HOST_UNREACHABLE: { http: 503, retryable: true, exit: "unavailable" },
  PROBE_FAILED: { http: 503, retryable: true, exit: "unavailable" },
  DAEMON_UNREACHABLE: { http: 503, retryable: true, exit: "unavailable" },
  DAEMON_STOPPING: { http: 503, retryable: true, exit: "busy" },
  ARCHIVE_DAMAGED: { http: 500, retryable: false, exit: "unavailable" },
  STATE_UNUSABLE: { http: 500, retryable: false, exit: "unavailable" },
  STATE_NEWER: { http: 500, retryable: false, exit: "unavailable" },
  DISK_FULL: { http: 507, retryable: true, exit: "unavailable" },
  INTERNAL: { http: 500, retryable: false, exit: "bug" },
} as const satisfies Record<
  string,
  { readonly http: number; readonly retryable: boolean; readonly exit: ExitClass }
>;

export type FaultCode = keyof typeof CATALOGUE;

/** Every published code, in catalogue order. */
export const FAULT_CODES: readonly FaultCode[] = Object.keys(CATALOGUE) as FaultCode[];

/** Plain JSON facts that a program may branch on. */
export type FaultDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface FaultOptions {
  /** The next step for whoever reads this, in the imperative. One sentence, no apology. */
  readonly hint: string;
  /** Facts a program may branch on. Plain JSON, no secrets, no absolute home paths. */
  readonly details?: FaultDetails;
  readonly cause?: unknown;
}

export class Fault extends Error {
  static {
    // On the prototype and hidden, so that a logged fault lists its facts and not its class.
    Object.defineProperty(this.prototype, "name", { value: "Fault" });
  }

  readonly code: FaultCode;
  readonly hint: string;
  readonly details: FaultDetails;

  constructor(code: FaultCode, message: string, { hint, details = {}, cause }: FaultOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.details = details;
  }

  get http(): number {
    return CATALOGUE[this.code].http;
  }

  /** True when the same call may succeed later without the caller changing anything. */
  get retryable(): boolean {
    return CATALOGUE[this.code].retryable;
  }

  get exit(): ExitClass {
    return CATALOGUE[this.code].exit;
  }
}

/** The form in which a fault crosses a wire: HTTP bodies, MCP structured content, `--json`. */
export interface FaultWire {
  readonly code: FaultCode;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details: FaultDetails;
}

/** The facts of a fault as plain JSON; no stack, no cause. */
export function faultToWire(fault: Fault): FaultWire {
  const { code, message, hint, retryable, details } = fault;
  return { code, message, hint, retryable, details };
}

/** Rebuilds a fault that another Corral process sent; an unknown code becomes INTERNAL. */
export function faultFromWire(wire: FaultWire): Fault {
  const code = FAULT_CODES.includes(wire.code) ? wire.code : "INTERNAL";
  return new Fault(code, wire.message, { hint: wire.hint, details: wire.details });
}

/** Node's errno codes that say the disk or the quota is full. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** SQLite's codes for the same: SQLITE_FULL, and no room for the shared index of its log (SQLITE_IOERR_SHMSIZE). */
const FULL_IN_SQLITE: ReadonlySet<unknown> = new Set([13, 4_874]);

function saysFull(thrown: unknown): boolean {
  if (FULL.has(errnoOf(thrown) ?? "")) return true;
  if (!(thrown instanceof Error)) return false;
  const isSqlite = errnoOf(thrown) === "ERR_SQLITE_ERROR" && "errcode" in thrown;
  return (
    (isSqlite && FULL_IN_SQLITE.has(thrown.errcode)) ||
    /database or disk is full/.test(thrown.message)
  );
}

/**
 * Turns anything thrown into a Fault: faults stay as they are, a full disk becomes
 * DISK_FULL, and everything else is a bug kept as the `cause` of INTERNAL.
 */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  if (saysFull(thrown)) {
    return new Fault("DISK_FULL", "The disk is full, so nothing was changed.", {
      hint: 'Free some space (run "corral doctor" to see what Corral holds), then call again.',
      cause: thrown,
    });
  }
  return new Fault("INTERNAL", "An unexpected error stopped this request.", {
    hint: 'Read the daemon log around this time ("corral doctor" prints its path).',
    cause: thrown,
  });
}

/** The errno name (`"ENOENT"`) of a thrown system error; undefined for anything else. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** True when what was thrown says that a path leads nowhere: no such file, or a part of it is no folder. */
export function isAbsence(thrown: unknown): boolean {
  const errno = errnoOf(thrown);
  return errno === "ENOENT" || errno === "ENOTDIR";
}

/** The text of anything thrown, for logs and for `details`. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
