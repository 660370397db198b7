import { EXIT } from "../exit-codes.ts";
import type { CliPorts } from "../ports.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { paint } from "../paint.ts";

/** What a client is told to run; one place, the README quotes it. */
export const CONNECT_CLAUDE = "claude mcp add corral -- npx corral mcp";

/** `corral up`: the daemon in the background, and how to connect to it. */
export const up: Verb = {
  define(command, bind) {
    example(command, "corral up");
    bind(command, (ports) => run(ports, wantsJson(command)));
  },
};

async function run({ ensureDaemon, terminal }: CliPorts, json: boolean): Promise<number> {
  const { health, started } = await ensureDaemon();
  if (json) {
    terminal.line(jsonText({ ...health, started, connect: CONNECT_CLAUDE }));
    return EXIT.ok;
  }
  const verdict = started ? "Corral is up." : "Corral was up already.";
  terminal.line(paint(verdict, "good", terminal.colour));
  terminal.line(`  url        ${health.url}`);
  terminal.line(`  pid        ${health.pid}`);
  terminal.line(`  state      ${health.state_dir}`);
  terminal.line("See everything with:       npx corral open");
  terminal.line(`Connect Claude Code with:  ${CONNECT_CLAUDE}`);
  return EXIT.ok;
}
