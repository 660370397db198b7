/**
 * The operations as surfaces get them: no answer, event or failure takes a secret out with it.
 *
 * Here and not in each surface, so that none can forget it. Raw bytes and the output of agents are
 * masked where they are read, byte for byte; see src/output/redacted-file.ts.
 */
import type { ScreenAnswer } from "../contract/screen.ts";
import type { ToolInput, ToolName } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import { maskedLines } from "../output/pane.ts";
import type { Redactor } from "../output/redact.ts";
import type { Caller, Operations } from "./operations.ts";

/** Masked where it is read; it may be megabytes. */
const MASKED_ALREADY: ReadonlySet<ToolName> = new Set(["get_agent_output"]);

/** @param redactor  Asked anew each time: it learns while the daemon lives. */
export function redacted(operations: Operations, redactor: Redactor): Operations {
  const answer = <T>(work: () => T): T => {
    try {
      return redactor.value(work());
    } catch (error) {
      throw redactedFault(error, redactor);
    }
  };
  const answerLater = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return redactor.value(await work());
    } catch (error) {
      throw redactedFault(error, redactor);
    }
  };
  /** First, since a secret may go on from one line in the next: then no line has one of its own. */
  const maskedScreen = (seen: ScreenAnswer): ScreenAnswer => {
    if (seen.screen === null) return seen;
    const { columns, lines } = seen.screen;
    const masked = maskedLines(lines, columns, (bytes) => redactor.bytes(bytes));
    return { ...seen, screen: { ...seen.screen, lines: [...masked] } };
  };
  return {
    async tool<N extends ToolName>(name: N, input: ToolInput<N>, caller: Caller) {
      const work = () => operations.tool(name, input, caller);
      if (!MASKED_ALREADY.has(name)) return answerLater(work);
      return work().catch((error: unknown) => {
        throw redactedFault(error, redactor);
      });
    },
    authenticate: (token) => operations.authenticate(token),
    health: () => answer(() => operations.health()),
    overview: () => answer(() => operations.overview()),
    machine: () => answer(() => operations.machine()),
    configuration: () => answer(() => operations.configuration()),
    agentsNamed: (ids) => answer(() => operations.agentsNamed(ids)),
    tasks: (filter) => answer(() => operations.tasks(filter)),
    agents: (filter) => answer(() => operations.agents(filter)),
    agent: (id) => answer(() => operations.agent(id)),
    receipt: (id) => answer(() => operations.receipt(id)),
    stream: (id, request) => operations.stream(id, request),
    alerts: () => answer(() => operations.alerts()),
    // Numbers and our own ids.
    samples: () => operations.samples(),
    lookOn: () => operations.lookOn(),
    figures: () => operations.figures(),
    history: (query) => operations.history(query),
    processes: (id) => answerLater(() => operations.processes(id)),
    screen: (id, seen) => answerLater(async () => maskedScreen(await operations.screen(id, seen))),
    ledger: (filter) => answer(() => operations.ledger(filter)),
    wait: (input, signal) => answerLater(() => operations.wait(input, signal)),
    eventsAfter: (seq, max) => answer(() => operations.eventsAfter(seq, max)),
    onEvent: (listener) => operations.onEvent((event) => listener(redactor.value(event))),
    resource: (uri, caller) => answer(() => operations.resource(uri, caller)),
    archives: (filter) => answer(() => operations.archives(filter)),
    archive: (id) => answerLater(() => operations.archive(id)),
    exportArchive: (id, input) => answerLater(() => operations.exportArchive(id, input)),
    pruneArchives: (input) => answerLater(() => operations.pruneArchives(input)),
    sweep: (input) => answerLater(() => operations.sweep(input)),
    doctor: () => answerLater(() => operations.doctor()),
    resetQuota: (input) => answer(() => operations.resetQuota(input)),
    leave: (input) => answerLater(() => operations.leave(input)),
  };
}

/** A failure without secrets; its cause is kept for the log, which is redacted itself. */
function redactedFault(error: unknown, redactor: Redactor): unknown {
  if (!(error instanceof Fault)) return error;
  const { code, message, hint, details, cause } = error;
  const words = redactor.value({ message, hint, details });
  return new Fault(code, words.message, { hint: words.hint, details: words.details, cause });
}
