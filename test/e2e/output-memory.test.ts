/** G10: the daemon holds no log in memory, however much agents print. Asked of the system; bench/rotation.ts has the large form. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MIB } from "../../src/kernel/units.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { residentBytes } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { FIXTURES, newTask, QUICK } from "./support.ts";

const AGENTS = 12;
/** What they print between the two looks: many times what the daemon may grow. */
const PRINTED_BYTES = 384 * MIB;
const GROWTH_MOST_BYTES = 64 * MIB;

/** Of agents: beside their folders the daemon makes a file now and then, to try whether holes can be made. */
function filesOf({ paths }: World): readonly string[] {
  const folders = readdirSync(paths.agentsDir, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return folders.flatMap(({ name: id }) =>
    readdirSync(join(paths.agentsDir, id)).map((name) => join(paths.agentsDir, id, name)),
  );
}

function printedBytes(world: World): number {
  const streams = filesOf(world).filter((path) => path.endsWith("/stream.jsonl"));
  return streams.reduce((sum, path) => sum + statSync(path).size, 0);
}

test.skipIf(process.platform !== "linux")(
  "the daemon does not grow by what agents print, rotated, read and followed meanwhile",
  { timeout: 240_000 },
  async () => {
    await using world = await makeWorld();
    const daemon = await world.daemon({ ...QUICK, CORRAL_SEGMENT_BYTES: String(4 * MIB) });
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const writer = [join(FIXTURES, "block-writer.pl"), "100000", "8"];
    const ids: string[] = [];
    for (let nth = 0; nth < AGENTS; nth += 1) {
      const mission = { task_id: taskId, agent_type: "writer", prompt: "Print." };
      const { agent_id } = await callTool(client, "deploy_headless_agent", {
        ...mission,
        command: writer,
      });
      ids.push(agent_id);
    }
    /** Until so much more is printed. @returns what the daemon took meanwhile, look by look. */
    const more = async (bytes: number): Promise<readonly number[]> => {
      const goal = printedBytes(world) + bytes;
      const resident: number[] = [];
      const isThere = async () => {
        for (const agent_id of ids.slice(0, 3)) {
          await callTool(client, "get_agent_output", { task_id: taskId, agent_id, tail: 20 });
          await world.api(`/api/agents/${agent_id}/stream?from=0&max=1048576`);
        }
        resident.push(residentBytes(daemon.pid));
        return printedBytes(world) >= goal ? true : undefined;
      };
      await waitFor(`${bytes} bytes more`, isThere, 100_000);
      return resident;
    };
    // Everything has been done once: what is loaded then stays.
    const before = Math.max(...(await more(128 * MIB)));
    await more(PRINTED_BYTES);
    // Answers that are not collected yet come and go: what stays is what is there at the least.
    const grown = Math.min(...(await more(64 * MIB))) - before;
    expect(filesOf(world).some((path) => path.endsWith(".zst"))).toBe(true);
    expect(grown).toBeLessThan(GROWTH_MOST_BYTES);
    for (const agent_id of ids) {
      const input = { task_id: taskId, agent_id, reason: "It printed enough.", grace_s: 0 };
      await callTool(client, "kill_real_agent", input);
    }
  },
);
