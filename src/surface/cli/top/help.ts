/** The keys of `corral top`, as its help shows them and docs/cli.md repeats. */
export const HELP_LINES: readonly string[] = [
  "↑ ↓  j k           from agent to agent        PgUp PgDn  by a page    Home End  g G  to the ends",
  "s  >   S  <        sort by the next, the previous column",
  "r                  the other way round",
  "/                  filter: every word must be in the id, type, status, activity, task or last words",
  "a                  live agents, or all",
  "",
  "Enter  o           the output of the chosen agent, as it comes; again closes it",
  "d                  its details; again closes them",
  "Tab                arrows move the output instead of the table;  f  or End follows it again",
  "",
  "x                  stop the chosen agent and all that it started, after a question; shows the receipt",
  "m                  send it a message: Enter sends, Escape does not; what it waits for is told",
  "!                  what wants a look: since when, why, and what to do",
  "",
  "Esc                back by one        Ctrl-L  draw anew        Ctrl-Z  suspend",
  "q  Ctrl-C          quit: no agent is touched",
];
