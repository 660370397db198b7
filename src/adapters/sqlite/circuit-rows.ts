/** Circuits of providers' quotas; a closed one stays, for what was said before. */
import type { Circuit } from "../../agents/quota.ts";
import type { Store } from "../../supervision/store.ts";
import type { Database, Row } from "./database.ts";
import { json, toJson } from "./rows.ts";

export function circuitRows(
  database: Database,
): Pick<Store, "circuit" | "circuits" | "keepCircuit"> {
  return {
    circuit(key) {
      const row = database.get("SELECT facts FROM circuits WHERE key = ?", key);
      return row === undefined ? null : circuitOf(row);
    },
    circuits: () => database.all("SELECT facts FROM circuits ORDER BY key").map(circuitOf),
    keepCircuit: (circuit) =>
      void database.run(
        "INSERT INTO circuits VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET facts = excluded.facts",
        circuit.key,
        toJson(circuit),
      ),
  };
}

function circuitOf(row: Row): Circuit {
  return json<Circuit>(row, "facts")!;
}
