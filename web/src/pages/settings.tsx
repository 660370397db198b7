/** The settings in force and who has set them; what works on this machine. */
import { useDeferredValue, useState } from "react";
import type { ConfigurationAnswer, DoctorAnswer } from "../../../src/contract/api.ts";
import { get } from "../live/api.ts";
import { useLive } from "../live/store.ts";
import { bytes, dayAndTime } from "../parts/format.ts";
import { useAsked } from "../parts/hooks.ts";
import { Empty, Facts, Failure, Loading, Panel } from "../parts/panels.tsx";
import { SearchField } from "./overview.tsx";

type OneSetting = ConfigurationAnswer["settings"][number];

const SOURCE_WORDS: Readonly<Record<OneSetting["source"], string>> = {
  default: "default",
  file: "config.json",
  environment: "environment",
};

export function SettingsPage() {
  const epoch = useLive(({ health }) => health?.epoch ?? 0);
  const configuration = useAsked(
    "configuration",
    (signal) => get<ConfigurationAnswer>("/api/configuration", signal),
    epoch,
  );
  const doctor = useAsked("doctor", (signal) => get<DoctorAnswer>("/api/doctor", signal), epoch);
  return (
    <>
      <header className="page-head">
        <h1>Settings</h1>
        <p className="lead">
          Defaults, then <code>config.json</code>, then variables of the daemon’s environment. This
          page only shows them.
        </p>
      </header>
      <div className="columns">
        <div className="main">
          {configuration.fault === null ? null : (
            <Failure fault={configuration.fault} again={configuration.again} />
          )}
          {configuration.answer === null ? (
            <Loading />
          ) : (
            <Configuration answer={configuration.answer} />
          )}
        </div>
        <div className="side">
          <Daemon />
          {doctor.fault === null ? null : <Failure fault={doctor.fault} again={doctor.again} />}
          {doctor.answer === null ? <Loading /> : <Doctor answer={doctor.answer} />}
        </div>
      </div>
    </>
  );
}

function Configuration({ answer }: { readonly answer: ConfigurationAnswer }) {
  const [text, setText] = useState("");
  const search = useDeferredValue(text).toLowerCase();
  const list = answer.settings
    .filter((one) => `${one.name} ${one.variable} ${one.about}`.toLowerCase().includes(search))
    .toSorted((a, b) => Number(a.source === "default") - Number(b.source === "default"));
  return (
    <Panel title="Settings" aside={<span className="count">{list.length}</span>}>
      <div className="bar">
        <code className="path">{answer.file}</code>
        <SearchField text={text} onText={setText} label="Search settings" />
      </div>
      {list.length === 0 ? <Empty title="No setting is like that" /> : null}
      <ul className="settings">
        {list.map((one) => (
          <SettingItem key={one.name} setting={one} />
        ))}
      </ul>
    </Panel>
  );
}

function SettingItem({ setting }: { readonly setting: OneSetting }) {
  const { name, value, fallback, source, about, variable } = setting;
  return (
    <li className={`setting setting-${source}`}>
      <div className="setting-head">
        <code className="setting-name">{name}</code>
        <code className="setting-value">{shown(value)}</code>
        <span className={`source source-${source}`}>{SOURCE_WORDS[source]}</span>
      </div>
      <p>{about}</p>
      <p className="setting-more">
        <code>{variable}</code>
        {source === "default" ? null : <> · default {shown(fallback)}</>}
      </p>
    </li>
  );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value === "number") return value.toLocaleString("en");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Daemon() {
  const health = useLive((state) => state.health);
  const machine = useLive((state) => state.machine);
  if (health === null) return null;
  return (
    <Panel title="Daemon">
      <Facts
        facts={[
          ["Version", health.version],
          ["Process", health.pid],
          ["Since", dayAndTime(health.started_at)],
          ["Epoch", health.epoch],
          ["Memory", machine === null ? null : bytes(machine.daemon_bytes)],
          ["Address", <code key="url">{health.url}</code>],
        ]}
      />
    </Panel>
  );
}

function Doctor({ answer }: { readonly answer: DoctorAnswer }) {
  const mechanisms = answer.containment.map(({ mechanism, available, detail }) => ({
    name: mechanism,
    works: available,
    detail,
  }));
  const harnesses = answer.harnesses.map(({ harness, found, detail }) => ({
    name: harness,
    works: found,
    detail,
  }));
  return (
    <>
      {answer.problems.length === 0 ? null : (
        <Panel title="Problems">
          <ul className="asked">
            {answer.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Panel>
      )}
      <Panel title="What works here">
        <ul className="works">
          {[...mechanisms, ...harnesses].map(({ name, works, detail }) => (
            <li key={name} className={works ? "works-yes" : "works-no"}>
              <b>{name}</b> <span>{works ? "works" : "does not"}</span>
              <p>{detail}</p>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title="Files">
        <Facts
          facts={answer.paths
            .filter(({ exists }) => exists)
            .map(({ name, path, bytes: size }) => [
              name,
              <span key={name}>
                <code>{path}</code> {size === 0 ? "" : bytes(size)}
              </span>,
            ])}
        />
      </Panel>
    </>
  );
}
