/** Opens a link in the user's browser without showing it to anybody else. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/**
 * Opens a link that must stay secret for a moment.
 *
 * Arguments are in everybody's `ps`, so the browser is given a file (0600) that leads to the link.
 * The file stays, since nobody says when a browser has read it; it is written anew each time, and
 * its code is over after two minutes.
 *
 * @param page  Where that file may be; its folder is the user's alone.
 * @returns true when a browser was asked; false where there is no desktop, or nothing opens links.
 */
export async function openInBrowser(
  link: string,
  page: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const opener = openerOf(env);
  if (opener === undefined) return false;
  rmSync(page, { force: true });
  writeFileSync(page, leadingTo(link), { mode: 0o600, flag: "wx" });
  return await new Promise((resolve) => {
    // It outlives us, as a browser does.
    const child = spawn(opener, [pathToFileURL(page).href], { detached: true, stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

function openerOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (process.platform === "darwin") return "open";
  const hasDesktop = Boolean(env["WAYLAND_DISPLAY"]) || Boolean(env["DISPLAY"]);
  return hasDesktop && !env["SSH_CONNECTION"] ? "xdg-open" : undefined;
}

/** Our own links hold nothing that HTML would read. */
function leadingTo(link: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Corral</title><meta http-equiv="refresh" content="0;url=${link}">\n`;
}
