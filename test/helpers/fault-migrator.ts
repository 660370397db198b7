/** Opens (and so migrates) the store named on its command line, closes it, and prints "opened" or the fault's code. */
import { openStore } from "../../src/adapters/sqlite/store.ts";
import { asFault, messageOf } from "../../src/kernel/fault.ts";

const chance = { hex: (bytes: number) => "0".repeat(2 * bytes) };
try {
  openStore(process.argv[2] ?? "", { now: () => 1_000 }, chance).close();
  process.stdout.write("opened");
} catch (error) {
  const { cause, code } = asFault(error);
  process.stdout.write(`${code} ${messageOf(cause ?? error)}`);
}
