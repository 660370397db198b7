import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { paint } from "../paint.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** `corral open`: a link to the dashboard that works once, and the browser with it where there is one. */
export const open: Verb = {
  define(command, bind) {
    command.option("--print", "print the link and open no browser");
    example(command, "corral open");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const { terminal, ensureDaemon, client, buildDashboard, openInBrowser } = ports;
  const json = wantsJson(command);
  await buildDashboard();
  await ensureDaemon();
  const login = await (await client()).login();
  if (json) {
    terminal.line(jsonText(login));
    return EXIT.ok;
  }
  const isQuiet = command.opts<{ print?: boolean }>().print === true || !terminal.isTty;
  const isOpened = !isQuiet && (await openInBrowser(login.url));
  terminal.line(login.url);
  const what = isOpened ? "Your browser has it; the link is for another one." : "Open the link.";
  terminal.note(paint(`${what} It works once, for two minutes.`, "quiet", terminal.colour));
  return EXIT.ok;
}
