import { describe, expect, test } from "vitest";
import { chosenLines, lastLines, ownTime, timeOf } from "../../../src/surface/cli/chosen-lines.ts";
import { corral, anAgent } from "./fake-ports.ts";

const chunk = (text: string, from = 0) => ({ from, bytes: Buffer.from(text) });
async function* of(...texts: string[]) {
  let from = 0;
  for (const text of texts) {
    yield chunk(text, from);
    from += Buffer.byteLength(text);
  }
}
const texts = async (lines: AsyncIterable<{ readonly bytes: Buffer }>) => {
  const all: string[] = [];
  for await (const { bytes } of lines) all.push(bytes.toString());
  return all;
};

test("lines are chosen by a pattern and come as they were written, at their offsets", async () => {
  const chosen = chosenLines(of("one é\ntwo\n", "other\nno end"), { grep: /^o|end/ });
  const all = [];
  for await (const { from, bytes } of chosen) all.push([from, bytes.toString()]);
  expect(all).toEqual([
    [0, "one é\n"],
    [11, "other\n"],
    [17, "no end"],
  ]);
  expect(await texts(chosenLines(of("a\nb\n"), {}))).toEqual(["a\n", "b\n"]);
  expect((await lastLines(of("1\n", "2\n", "3\n"), 2)).map(({ from }) => from)).toEqual([2, 4]);
});

test("a line that says its own time is left out exactly, one that says none is kept", async () => {
  const at = Date.parse("2026-11-25T08:00:00.500Z");
  const line = (time: string) => `{"type":"x","timestamp":${time}}\n`;
  const stream = [
    line('"2026-11-25T08:00:00.499Z"'),
    line('"2026-11-25T08:00:00.500Z"'),
    line(String(at - 1)),
    line(String(at + 1)),
    "no time\n",
  ];
  expect(await texts(chosenLines(of(...stream), { since: at }))).toEqual([
    stream[1],
    stream[3],
    stream[4],
  ]);
  expect(ownTime('{"timestamp":"soon, I hope"}')).toBeNull();
});

describe("times", () => {
  test.for([
    ["90s", 10_000],
    ["1m", 40_000],
    ["1h", -3_500_000],
    ["1970-01-01T00:01:00Z", 60_000],
  ] as const)("%s", ([typed, expected]) => {
    expect(timeOf(typed)(100_000)).toBe(expected);
  });

  test.for(["", "yesterday", "10", "5w", "12:00", "2026-13-45"])("%j is none", (typed) => {
    expect(() => timeOf(typed)).toThrow("must be");
  });
});

describe("corral logs", () => {
  const agent = anAgent("fixer-101010-aaaaaa");
  const text = "error 1\nfine\nerror 2\nerror 3\nopen";
  const stream = async (
    _id: string,
    {
      from = 0,
      maxBytes = 1_000,
      since,
    }: { from?: number; maxBytes?: number; since?: string } = {},
  ) => {
    const start = since === undefined ? from : 13;
    const data = Buffer.from(text).subarray(start, start + maxBytes);
    return {
      data: data.toString("base64"),
      from: start,
      next: start + data.length,
      size: text.length,
      ended: start + data.length >= text.length,
    };
  };
  const world = { agent: async () => agent, stream: stream as never };

  test("--grep comes before --tail", async () => {
    const { out } = await corral(["logs", agent.agent_id, "--grep", "error", "--tail", "2"], world);
    expect(out).toBe("error 2\nerror 3\n");
  });

  test("--grep and --tail go on when it is followed", async () => {
    const { out } = await corral(
      ["logs", "-f", agent.agent_id, "--grep", "error|open", "--tail", "1"],
      world,
    );
    expect(out).toBe("open");
  });

  test("--since begins where the daemon says", async () => {
    const { out } = await corral(["logs", agent.agent_id, "--since", "10m"], world);
    expect(out).toBe("error 2\nerror 3\nopen");
    const { out: json } = await corral(
      ["logs", agent.agent_id, "--since", "1h", "--grep", "3", "--json"],
      world,
    );
    expect(JSON.parse(json).lines).toEqual([{ offset: 21, line: "error 3" }]);
  });

  test("what is no pattern and no time is said at once", async () => {
    expect((await corral(["logs", agent.agent_id, "--grep", "("], world)).exit).toBe(2);
    expect((await corral(["logs", agent.agent_id, "--since", "soon"], world)).exit).toBe(2);
  });
});
