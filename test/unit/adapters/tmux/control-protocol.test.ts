import { expect, test } from "vitest";
import {
  answerOf,
  blockReader,
  isLastBlock,
  requestText,
} from "../../../../src/adapters/tmux/control-protocol.ts";

const TEXT = [
  "%begin 17 1 0",
  "%end 17 1 0",
  "%sessions-changed",
  "%begin 17 2 1",
  "%begin 17 3 1",
  "%end 17 3 1",
  "%error 17 2 0",
  " %end 17 2 1",
  "é",
  "%end 17 2 1",
  "%window-add @1",
  "%begin 18 4 1",
  "can't find session: x",
  "%error 18 4 1",
  "",
].join("\n");
const BLOCKS = [
  { ok: true, isOurs: false, body: "" },
  {
    ok: true,
    isOurs: true,
    body: "%begin 17 3 1\n%end 17 3 1\n%error 17 2 0\n %end 17 2 1\né\n",
  },
  { ok: false, isOurs: true, body: "can't find session: x\n" },
];

test("blocks are the same wherever the text was cut", () => {
  for (let cut = 0; cut <= TEXT.length; cut += 1) {
    const read = blockReader();
    expect([...read(TEXT.slice(0, cut)), ...read(TEXT.slice(cut))]).toEqual(BLOCKS);
  }
});

test("a block without its whole last line is none", () => {
  const end = TEXT.indexOf("%end 17 2 1\n%window") + "%end 17 2 1".length;
  expect(blockReader()(TEXT.slice(0, end))).toEqual(BLOCKS.slice(0, 1));
  expect(blockReader()(TEXT.slice(0, end + 1))).toEqual(BLOCKS.slice(0, 2));
});

test("a request is two lines, whatever its words hold", () => {
  const text = requestText(7, [
    ["display-message", "-p", "it's\n\n;"],
    ["kill-session", "$HOME"],
  ]);
  expect(text).toBe(
    `'display-message' '-p' 'it'\\''s'"\\n"''"\\n"';' ; 'kill-session' '$HOME'\n` +
      "display-message -p corral-answered-7\n",
  );
  expect(requestText(8, [])).toBe("display-message -p corral-answered-8\n");
});

test("only its own number completes a request", () => {
  const last = (body: string, ok = true) => isLastBlock({ ok, isOurs: true, body }, 7);
  expect(last("corral-answered-7\n")).toBe(true);
  expect(last("corral-answered-7\n", false)).toBe(false);
  expect(last("corral-answered-71\n")).toBe(false);
  expect(last("corral-answered-7\nmore\n")).toBe(false);
});

test("an answer needs exactly the blocks of its request", () => {
  const block = (body: string, ok = true) => ({ ok, isOurs: true, body });
  expect(answerOf([block("a\n"), block("b\n")], 2)).toEqual({
    ok: true,
    stdout: "a\nb\n",
    stderr: "",
  });
  expect(answerOf([block("a\n"), block("no\n", false)], 3)).toEqual({
    ok: false,
    stdout: "a\n",
    stderr: "no\n",
  });
  expect(answerOf([block("a\n")], 2)).toBeNull();
  expect(answerOf([block("a\n"), block("b\n")], 1)).toBeNull();
  expect(answerOf([block("no\n", false), block("b\n")], 2)).toBeNull();
});
