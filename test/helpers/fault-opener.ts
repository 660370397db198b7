/** Says that it begins, then opens (and so migrates) the store named on its command line. */
import { openDatabase } from "../../src/adapters/sqlite/database.ts";

process.stdout.write("opening\n", () => {
  openDatabase(process.argv[2] ?? "");
});
