/**
 * The text of tmux's control mode, both ways. Pure.
 *
 * tmux answers every command with a block: `%begin STAMP`, lines, `%end STAMP` or `%error STAMP`.
 * A request here is one line of commands and one line that says its number back. Only that number
 * completes an answer, so a block too many or too few can never shift answers by one, and a
 * half-written answer is none.
 */
import { tmuxQuote } from "./viewer-hooks.ts";

export interface TmuxAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one command printed. */
export interface ControlBlock {
  readonly ok: boolean;
  /** True for commands that came over the connection: others are tmux's own (its attaching). */
  readonly isOurs: boolean;
  /** Whole lines, each with its end. */
  readonly body: string;
}

const BEGIN = /^%begin (\d+ \d+ (\d+))$/;

/** The lines that ask; `serial` comes back in the last block, see {@link isLastBlock}. */
export function requestText(serial: number, commands: readonly (readonly string[])[]): string {
  const asked = commands.map((command) => command.map(tmuxQuote).join(" ")).join(" ; ");
  const line = asked === "" ? "" : `${asked}\n`;
  return `${line}display-message -p ${lastWord(serial)}\n`;
}

/** True for the block that completes the answer to a request. */
export function isLastBlock({ ok, body }: ControlBlock, serial: number): boolean {
  return ok && body === `${lastWord(serial)}\n`;
}

/**
 * The answer, as an invocation of tmux would have given it.
 * @param asked  Number of commands in the request.
 * @returns      null when the blocks cannot be those of that request.
 */
export function answerOf(blocks: readonly ControlBlock[], asked: number): TmuxAnswer | null {
  const failed = blocks.findIndex(({ ok }) => !ok);
  const done = failed === -1 ? blocks : blocks.slice(0, failed);
  const stdout = done.map(({ body }) => body).join("");
  if (failed === -1) return blocks.length === asked ? { ok: true, stdout, stderr: "" } : null;
  // The first command that fails ends its line, so nothing may follow.
  if (failed !== blocks.length - 1) return null;
  return { ok: false, stdout, stderr: blocks[failed]?.body ?? "" };
}

/**
 * Reads blocks from pieces of text, wherever these were cut. What is outside blocks is no answer.
 * @param onNotice  Called with each whole line outside of blocks: what tmux tells unasked.
 */
export function blockReader(
  onNotice: (line: string) => void = () => {},
): (piece: string) => readonly ControlBlock[] {
  let rest = "";
  let open: { readonly stamp: string; readonly isOurs: boolean; readonly lines: string[] } | null =
    null;
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    return lines.flatMap((line) => readLine(line) ?? []);
  };

  function readLine(line: string): ControlBlock | null {
    if (open === null) {
      const [, stamp, flags] = BEGIN.exec(line) ?? [];
      if (stamp === undefined) onNotice(line);
      else open = { stamp, isOurs: flags === "1", lines: [] };
      return null;
    }
    const { stamp, isOurs, lines } = open;
    const ok = line === `%end ${stamp}`;
    if (!ok && line !== `%error ${stamp}`) {
      lines.push(`${line}\n`);
      return null;
    }
    open = null;
    return { ok, isOurs, body: lines.join("") };
  }
}

/** The window that a notice tells to have closed, "@7"; null for any other notice. */
export function closedWindow(notice: string): string | null {
  return /^%(?:unlinked-)?window-close (@\d+)/.exec(notice)?.[1] ?? null;
}

function lastWord(serial: number): string {
  return `corral-answered-${serial}`;
}
