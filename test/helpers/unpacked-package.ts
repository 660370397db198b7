/** The package as `npm run build` makes it, in a folder of a test's own: what users run, where there are no sources. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildDashboard } from "../../src/bin/build-dashboard.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Builds it below that folder; takes some seconds. Types are not looked at, the dashboard is that of the checkout.
 * @returns the launcher, for `node <launcher> up`.
 */
export async function unpackPackage(folder: string): Promise<string> {
  const place = join(folder, "package");
  const dist = join(place, "dist");
  mkdirSync(place);
  for (const name of ["bin", "package.json"])
    cpSync(join(ROOT, name), join(place, name), { recursive: true });
  // The bundler looks for packages upwards from what it bundles; the bundle needs none of them.
  const packages = join(place, "node_modules");
  symlinkSync(join(ROOT, "node_modules"), packages);
  const run = promisify(execFile);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  await run(tsc, ["-p", join(ROOT, "tsconfig.build.json"), "--noCheck", "--outDir", dist]);
  for (const script of ["copy-assets.js", "bundle.js"]) {
    await run(process.execPath, [join(ROOT, "scripts", script), dist]);
  }
  rmSync(packages);
  await buildDashboard();
  cpSync(join(ROOT, "dist/web"), join(dist, "web"), { recursive: true });
  return join(place, "bin/corral.js");
}
