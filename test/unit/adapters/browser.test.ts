import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openInBrowser } from "../../../src/adapters/browser/open-in-browser.ts";
import { waitFor } from "../../helpers/daemon-process.ts";

const LINK = "http://127.0.0.1:4999/login#secret-code";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "browser-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("a browser is given a file of ours that leads to the link, and never the link itself", async () => {
  const here = folder();
  const said = join(here, "said");
  writeFileSync(
    join(here, "xdg-open"),
    `#!/bin/sh\nprintf '%s\\n' "$@" >"${said}.part"\nmv "${said}.part" "${said}"\n`,
  );
  chmodSync(join(here, "xdg-open"), 0o755);
  const page = join(here, "open.html");
  writeFileSync(page, "of another day", { mode: 0o644 });
  const before = process.env["PATH"];
  process.env["PATH"] = `${here}:${before}`;
  onTestFinished(() => {
    process.env["PATH"] = before;
  });
  expect(await openInBrowser(LINK, page, { DISPLAY: ":0" })).toBe(process.platform !== "darwin");
  const words = await waitFor("the browser", () =>
    existsSync(said) ? readFileSync(said, "utf8") : undefined,
  );
  expect(words).toBe(`file://${page}\n`);
  expect(statSync(page).mode & 0o777).toBe(0o600);
  expect(readFileSync(page, "utf8")).toContain(`url=${LINK}`);
});

test.for([{}, { DISPLAY: "" }, { DISPLAY: ":0", SSH_CONNECTION: "1 2 3 4" }])(
  "where there is no desktop nothing is opened or written: %j",
  async (env) => {
    const page = join(folder(), "open.html");
    expect(await openInBrowser(LINK, page, env)).toBe(false);
    expect(existsSync(page)).toBe(false);
  },
);
