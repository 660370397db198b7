/** Fingerprints of secrets in the store. */
import type { Store } from "../../supervision/store.ts";
import type { Database } from "./database.ts";

export function secretRows(database: Database): Pick<Store, "secrets" | "keepSecrets"> {
  return {
    secrets: () =>
      database.all("SELECT * FROM secrets").map((row) => ({
        digest: String(row["digest"]),
        length: Number(row["length"]),
        lead: Number(row["lead"]),
        prefix: Number(row["prefix"]),
      })),
    keepSecrets: (fingerprints) =>
      database.transaction(() => {
        for (const { digest, length, lead, prefix } of fingerprints) {
          database.run(
            "INSERT INTO secrets VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            digest,
            length,
            lead,
            prefix,
          );
        }
      }),
  };
}
