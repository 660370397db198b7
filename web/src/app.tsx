import { useEffect, useRef } from "react";
import { post } from "./live/api.ts";
import { signedOut } from "./live/follow.ts";
import { type Place, placeOf } from "./live/places.ts";
import { usePath } from "./live/route.ts";
import { useLive } from "./live/store.ts";
import { tally } from "./live/agents.ts";
import { AgentPage } from "./pages/agent.tsx";
import { CleanupPage } from "./pages/cleanup.tsx";
import { LoginPage, SignedOut } from "./pages/login.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { TaskPage } from "./pages/task.tsx";
import { Link } from "./parts/link.tsx";
import { Brand, Icon } from "./parts/marks.tsx";
import { Empty } from "./parts/panels.tsx";
import { ThemeButton } from "./parts/theme.tsx";

export function App() {
  const path = usePath();
  const place = placeOf(path);
  useFocusOnArrival(path);
  const link = useLive((state) => state.link);
  if (place.page === "login") return <LoginPage />;
  if (link === "signed_out") return <SignedOut />;
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Head place={place} />
      <Banner />
      <main id="content" tabIndex={-1} className={`page page-${place.page}`}>
        <Page place={place} />
      </main>
    </>
  );
}

function Page({ place }: { readonly place: Place }) {
  switch (place.page) {
    case "overview":
      return <OverviewPage />;
    case "task":
      return <TaskPage key={place.id} id={place.id} />;
    case "agent":
      return <AgentPage key={place.id} id={place.id} />;
    case "cleanup":
      return <CleanupPage />;
    case "settings":
      return <SettingsPage />;
    case "login":
    case "unknown":
      return (
        <Empty title="There is no such page">
          <Link to="/">To the overview</Link>
        </Empty>
      );
  }
}

const PLACES = [
  { page: "overview", path: "/", words: "Overview" },
  { page: "cleanup", path: "/cleanup", words: "Cleanup" },
  { page: "settings", path: "/settings", words: "Settings" },
] as const;

function Head({ place }: { readonly place: Place }) {
  useTitle(place);
  return (
    <header className="head">
      <Link to="/" className="brand" label="Corral, to the overview">
        <Brand />
        <span>Corral</span>
      </Link>
      <nav aria-label="Pages">
        {PLACES.map(({ page, path, words }) => (
          <Link key={page} to={path} current={place.page === page}>
            <Icon name={page} />
            <span>{words}</span>
          </Link>
        ))}
      </nav>
      <div className="head-end">
        <LinkState />
        <ThemeButton />
        <button type="button" className="plain" aria-label="Sign out" onClick={() => void leave()}>
          <Icon name="leave" />
        </button>
      </div>
    </header>
  );
}

/** Whoever goes to another page by keyboard or ear begins at its beginning. */
function useFocusOnArrival(path: string): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    document.querySelector<HTMLElement>("#content")?.focus({ preventScroll: true });
  }, [path]);
}

async function leave(): Promise<void> {
  await post("/api/session/end", {}).catch(() => undefined);
  signedOut();
}

const LINK_WORDS = { starting: "Connecting", live: "Live", lost: "Reconnecting", signed_out: "" };

function LinkState() {
  const link = useLive((state) => state.link);
  return (
    <span className={`link-state link-${link}`} role="status">
      {LINK_WORDS[link]}
    </span>
  );
}

/** A daemon of another version serves another page. */
function Banner() {
  const isOld = useLive(
    ({ version, health }) => version !== null && health !== null && version !== health.version,
  );
  if (!isOld) return null;
  return (
    <p className="banner" role="status">
      The daemon is of another version now.{" "}
      <button type="button" onClick={() => location.reload()}>
        Load this page anew
      </button>
    </p>
  );
}

/** Tabs tell how many agents want a look. */
function useTitle(place: Place): void {
  const attention = useLive(({ agents }) => tally(agents.values()).attention);
  const where =
    "id" in place ? place.id : (PLACES.find(({ page }) => page === place.page)?.words ?? "");
  useEffect(() => {
    document.title = `${attention > 0 ? `(${attention}) ` : ""}${where} · Corral`;
  }, [attention, where]);
}
