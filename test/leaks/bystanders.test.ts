/** G6: nothing that Corral did not start is ever signalled, ended, changed or deleted. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeBystanders } from "./bystanders.ts";
import { addRow } from "./closing-table.ts";
import { AGENTS, makePlace } from "./place.ts";

const LEAVERS = 4;
const SLEEPERS = 6;

test("kills, sweeps, crashes and a shutdown touch no bystander", async () => {
  await using place = await makePlace();
  const { world, env } = place;
  const corral = async (...args: readonly string[]) => (await world.corral(args, { env })).code;
  const daemons = [await place.start()];
  const taskId = await place.task();
  const sleepers = [];
  for (let nth = 0; nth < SLEEPERS; nth += 1) {
    sleepers.push(await place.deploy(["/bin/sleep", "600"], taskId));
  }
  await using bystanders = await makeBystanders(place, sleepers);
  const codes: (number | null)[] = [];
  const [first, second] = sleepers;

  const leavers = [];
  for (let nth = 0; nth < LEAVERS; nth += 1) {
    leavers.push(await place.deploy([join(AGENTS, "leaver.sh"), "600"], taskId));
  }
  await place.clean(leavers.map(({ agent_id: id }) => id));
  await place.end(first!);
  codes.push(await corral("kill", second!.agent_id, "--grace", "1"));
  codes.push(await corral("sweep", "--apply"));
  await place.kill(daemons[0]!);
  codes.push(await corral("sweep", "--apply")); // without a daemon
  daemons.push(await place.start());
  codes.push(await corral("sweep", "--apply"), await corral("sweep", "--apply"));
  codes.push(await corral("down"), await corral("sweep", "--apply"));

  const touched = bystanders.touched();
  const { processes, sessions, files } = bystanders;
  addRow({
    place: 9,
    test: "bystanders",
    count: `${processes} processes, ${sessions} sessions, ${files} files`,
    left: `${touched.length} touched`,
    worst: "–",
    also: `${LEAVERS + SLEEPERS} agents ended; 5 sweeps, one crash, one down`,
  });
  expect(touched).toEqual([]);
  expect(codes).toEqual(codes.map(() => 0));
});
