/** Plans of sweeps, kept so that exactly what was shown can be applied, by whichever process. */
import type { PlannedTarget } from "../../ledger/plan-identity.ts";
import type { Store } from "../../supervision/store.ts";
import type { Database } from "./database.ts";
import { json, toJson } from "./rows.ts";

/** Plans that stay applicable; making a further one forgets the oldest. */
const PLANS_KEPT = 32;

export function sweepPlanRows(database: Database): Pick<Store, "keepSweepPlan" | "sweepPlan"> {
  return {
    keepSweepPlan(id, targets) {
      database.transaction(() => {
        database.run(
          `INSERT INTO sweep_plans SELECT ?, 1 + coalesce(max(made), 0), ? FROM sweep_plans WHERE true
           ON CONFLICT (id) DO UPDATE SET made = excluded.made, targets = excluded.targets`,
          id,
          toJson(targets),
        );
        database.run(
          "DELETE FROM sweep_plans WHERE id NOT IN (SELECT id FROM sweep_plans ORDER BY made DESC LIMIT ?)",
          PLANS_KEPT,
        );
      });
    },
    sweepPlan(id) {
      const row = database.get("SELECT targets FROM sweep_plans WHERE id = ?", id);
      return row === undefined ? null : json<readonly PlannedTarget[]>(row, "targets");
    },
  };
}
