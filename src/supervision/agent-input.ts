/**
 * The input of a running agent, for a CLI that takes further messages while it works: a folder in the
 * agent's directory, from which the feeder of its runner passes messages on. All paths absolute.
 *
 * Nothing here ever waits: a feeder that is gone, or was never there, is an answer.
 */
import type { MessageId } from "../kernel/ids.ts";

/** How far a message has come: it lies there; its feeder has written it to the CLI's stdin; there is none. */
export type Passing = "waits" | "passed" | "absent";

export interface AgentInputs {
  /** The folder of an agent's input. */
  folderOf(directory: string): string;
  /** A shell command, for any shell, that closes the input and ends well in any case. Pure. */
  endCommand(directory: string): string;
  /** Makes the folder (0700). Throws what the system said. */
  make(directory: string): void;
  /**
   * Lays a message down and names it to the feeder. One that lies there already stays as it is and is
   * named once more; one that was passed on is not passed again. Throws what the system said: then
   * nothing of it was passed on.
   *
   * @param line  For the CLI's stdin, with its newline.
   * @returns     True when a feeder was there to read the name, which does not say that the CLI has read
   *              the message; false when nobody was, and nobody will be.
   */
  put(directory: string, id: MessageId, line: string): boolean;
  /** Throws when it could not look. */
  passing(directory: string, id: MessageId): Passing;
  /** True while a feeder reads. Throws when it could not look. */
  isOpen(directory: string): boolean;
  /** Says that nothing more comes, behind what was put in; without a feeder nothing happens. Throws what the system said. */
  end(directory: string): void;
}
