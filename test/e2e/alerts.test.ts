/** Alerts of a real daemon: where they show, who gets them, and what its death in between does. */
import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AlertsAnswer } from "../../src/contract/alerts.ts";
import { LedgerAnswer } from "../../src/contract/api.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { noticesIn, takeNotices } from "../helpers/notices.ts";
import { mentions, processes } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { QUICK, sleepTag } from "./support.ts";

/** Appends what it reads to a file. */
const KEEP = `const { appendFileSync, readFileSync } = require("node:fs"); appendFileSync(process.argv[1], readFileSync(0));`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function alerts(world: World): Promise<AlertsAnswer> {
  return AlertsAnswer.parse((await world.api("/api/alerts")).body);
}

function configure(world: World, settings: Readonly<Record<string, unknown>>): void {
  writeFileSync(world.paths.configFile, JSON.stringify(settings));
}

test(
  "an alert shows everywhere, reaches hook and webhook once each although the daemon is killed, and clears",
  { timeout: 120_000 },
  async () => {
    await using world = await makeWorld();
    const first = await world.daemon(QUICK);
    await first.stop();
    const kept = join(world.folder, "notices");
    const port = await freePort();
    const settings = {
      alert_hook: [process.execPath, "-e", KEEP, kept],
      alert_webhook: `http://127.0.0.1:${port}/alerts`,
    };
    configure(world, { ...settings, disk_warn_free: "99%" });
    const struck = await world.daemon(QUICK);
    const standing = await waitFor("an alert", async () => {
      const answer = await alerts(world);
      return answer.standing.length > 0 ? answer.standing : undefined;
    });
    expect(standing).toMatchObject([{ rule: "disk_floor", severity: "warning", cleared_at: null }]);
    const [alert] = standing;
    const status = await world.corral(["status"]);
    expect(status.stdout).toContain(alert?.evidence);
    expect(status.stdout).toContain(alert?.next_step);
    const client = await world.mcp();
    const report = await callTool(client, "get_resource_report", {});
    expect(report.alerts.length).toBeGreaterThan(0);
    await waitFor("the hook", () => noticesIn(kept).length > 0 || undefined);
    expect(noticesIn(kept)).toMatchObject([{ state: "raised", alert: { id: alert?.id } }]);
    // Nobody listens at the webhook yet: it is killed between the alert and its delivery.
    await waitFor(
      "only the webhook's to wait",
      async () => (await alerts(world)).deliveries.pending === 1 || undefined,
    );
    await struck.stop("SIGKILL");

    const { notices } = await takeNotices(port);
    const next = await world.daemon(QUICK);
    await waitFor("the notice", () => notices.length > 0 || undefined);
    expect(notices).toMatchObject([{ state: "raised", alert: { id: alert?.id } }]);
    expect((await alerts(world)).standing.map(({ id }) => id)).toEqual([alert?.id]);

    configure(world, {
      ...settings,
      disk_warn_free: "0",
      disk_admit_free: "0",
      disk_relief_free: "0",
      disk_stop_free: "0",
    });
    process.kill(next.pid, "SIGHUP");
    await waitFor(
      "the end of it",
      async () => (await alerts(world)).standing.length === 0 || undefined,
      40_000,
    );
    await waitFor(
      "both to be told",
      () => (notices.length === 2 && noticesIn(kept).length === 2) || undefined,
    );
    expect(notices[1]).toMatchObject({ state: "cleared", alert: { id: alert?.id } });
    expect(noticesIn(kept)[1]).toMatchObject({ state: "cleared" });
    expect((await alerts(world)).cleared.map(({ id }) => id)).toEqual([alert?.id]);
    await waitFor("no row of a hook", async () => (await rowsOfHook(world)) === 0 || undefined);
    await next.stop();
  },
);

async function rowsOfHook(world: World): Promise<number> {
  const { rows } = LedgerAnswer.parse((await world.api("/api/ledger")).body);
  return rows.filter(({ owner }) => owner === "hook").length;
}

test(
  "a hook that hangs is ended in its time with all that it started, and by the next daemon when its own is killed",
  { timeout: 120_000 },
  async () => {
    await using world = await makeWorld();
    const first = await world.daemon(QUICK);
    await first.stop();
    const tag = sleepTag();
    const hangs = `setsid sleep ${tag} & sleep ${tag}`;
    const alive = () => processes().filter(({ pid }) => mentions(pid, tag)).length;
    configure(world, {
      alert_hook: ["/bin/sh", "-c", hangs],
      alert_hook_timeout_ms: 700,
      disk_warn_free: "99%",
    });
    const daemon = await world.daemon(QUICK);
    await waitFor("the hook", () => alive() > 0 || undefined);
    expect((await world.api("/api/health")).status).toBe(200);
    await waitFor("its end", () => alive() === 0 || undefined);
    await waitFor(
      "its word",
      () => daemon.output().includes("had not ended after 700 ms") || undefined,
    );
    await daemon.stop("SIGKILL");

    configure(world, {
      alert_hook: ["/bin/sh", "-c", hangs],
      alert_hook_timeout_ms: 600_000,
      disk_warn_free: "99%",
    });
    const struck = await world.daemon(QUICK);
    // It is tried again, and hangs for ten minutes: the daemon dies first.
    await waitFor("the hook again", () => alive() > 0 || undefined, 20_000);
    const before = new Set(
      processes()
        .filter(({ pid }) => mentions(pid, tag))
        .map(({ pid }) => pid),
    );
    await struck.stop("SIGKILL");
    expect(alive()).toBeGreaterThan(0);
    configure(world, { disk_warn_free: "99%" });
    const next = await world.daemon(QUICK);
    await waitFor(
      "the end of what was left",
      () => ![...before].some((pid) => mentions(pid, tag)) || undefined,
    );
    await waitFor("no row of it", async () => (await rowsOfHook(world)) === 0 || undefined);
    await next.stop();
  },
);
