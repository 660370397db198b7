/** The terminal itself, in a piece of the page that is loaded when somebody looks at one. */
import "@xterm/xterm/css/xterm.css";
import { type ITheme, Terminal } from "@xterm/xterm";
import { adoptStyles } from "./adopted-styles.ts";

export interface Emulator {
  write(text: string): void;
  resize(columns: number, rows: number): void;
  dispose(): void;
}

const SCROLLBACK = 5_000;

/** A terminal that shows and never sends: no key, no paste and no answer of its own goes anywhere. */
export function openEmulator(
  place: HTMLElement,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Emulator {
  // Rows are made for as long as it is open, each with styles of its own.
  const takeOff = adoptStyles();
  const terminal = new Terminal({
    cols: columns,
    rows,
    disableStdin: true,
    convertEol: true,
    scrollback: SCROLLBACK,
    fontFamily: "'Geist Mono Variable', monospace",
    fontSize: 13,
    // Colours were chosen for another ground: they are made as different from ours as reading takes.
    minimumContrastRatio: 4.6,
    // What an agent writes can be no link; should one come through, nothing follows it.
    linkHandler: { activate: () => {}, allowNonHttpProtocols: false },
    windowOptions: {},
    theme: themeOf(place),
  });
  terminal.open(place);
  return {
    write: (text) => terminal.write(text),
    resize: (width, height) => terminal.resize(width, height),
    dispose: () => {
      terminal.dispose();
      takeOff();
    },
  };
}

function themeOf(place: HTMLElement): ITheme {
  const style = getComputedStyle(place);
  return { background: style.backgroundColor, foreground: style.color, cursor: style.color };
}
