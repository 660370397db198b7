/**
 * Shows an agent's stream to whoever attaches, and costs nothing while nobody does. Pure.
 *
 * Attaching opens a window with the viewer, once; the last one to leave closes it. The hooks
 * belong to the session, so they go with it, and release ends the session with its viewer.
 */

const WINDOW = "corral-viewer";

/**
 * tmux commands that set the hooks of one session.
 * @param viewer  argv of a program that renders the stream on its terminal.
 */
export function sessionHooks(
  session: string,
  viewer: readonly string[],
): readonly (readonly string[])[] {
  const window = `=${session}:=${WINDOW}`;
  const open = `new-window -t =${session}: -n ${WINDOW} ${viewer.map(tmuxQuote).join(" ")}`;
  const isShown = `#{m:* ${WINDOW} *, #{W:#{window_name} }}`;
  const whenHidden = `if-shell -F ${tmuxQuote(isShown)} '' ${tmuxQuote(open)}`;
  const whenLast = `if-shell -F '#{session_attached}' '' ${tmuxQuote(`kill-window -t ${window}`)}`;
  return [
    ["set-hook", "-t", `=${session}:`, "client-attached", whenHidden],
    ["set-hook", "-t", `=${session}:`, "client-detached", whenLast],
  ];
}

/** One word on one line for tmux's own parser that stands for exactly these characters. */
export function tmuxQuote(word: string): string {
  const quoted = word.replaceAll("'", String.raw`'\''`).replaceAll("\n", String.raw`'"\n"'`);
  return `'${quoted}'`;
}
