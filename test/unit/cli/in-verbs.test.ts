import { expect, test } from "vitest";
import { type FaultCode, Fault } from "../../../src/kernel/fault.ts";
import { inVerbs } from "../../../src/surface/cli/in-verbs.ts";

const said = (code: FaultCode, message: string, hint: string) =>
  inVerbs(new Fault(code, message, { hint }));

test.for([
  [
    "Call resume_agent with your text as its message.",
    'Run "corral resume" with your text as its message.',
  ],
  [
    "Use send_agent_message while it runs, or stop it with kill_real_agent first.",
    'Use "corral send" while it runs, or stop it with "corral kill" first.',
  ],
  // No verb has that field.
  [
    "Raise the limit in create_real_task limits.total.",
    "Raise the limit in create_real_task limits.total.",
  ],
  ["Wait.", "Wait."],
] as const)("a tool is said as its verb: %s", ([hint, verb]) => {
  expect(said("AGENT_ENDED", "It has ended.", hint).hint).toBe(verb);
});

test("a field is said as its option, and what was typed stays as it is", () => {
  const hint = 'Correct "agent_type" and call deploy_headless_agent again.';
  expect(said("INPUT_INVALID", '"agent_type" is "prompt": no.', hint)).toEqual({
    message: '--type is "prompt": no.',
    hint: 'Correct --type and run "corral deploy" again.',
  });
  expect(said("INPUT_INVALID", '"other" is 1.', "Correct it.").message).toBe('"other" is 1.');
  expect(said("CWD_UNUSABLE", 'The folder "prompt" is none.', "Go.").message).toContain('"prompt"');
});
