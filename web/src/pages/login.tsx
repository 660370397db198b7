/** Trades the code of a login link for a session, and says what to do where there is none. */
import { type ReactNode, useEffect, useState } from "react";
import type { SessionAnswer } from "../../../src/contract/api.ts";
import { keepProof, post } from "../live/api.ts";
import { ApiFault } from "../live/fault.ts";
import { restart } from "../live/follow.ts";
import { goTo } from "../live/route.ts";
import { Brand } from "../parts/marks.tsx";
import { Failure, Loading } from "../parts/panels.tsx";

/** The code works once, and a page may be rendered twice. */
let used = "";

export function LoginPage() {
  const [fault, setFault] = useState<ApiFault | null>(null);
  useEffect(() => {
    const code = location.hash.slice(1);
    if (code === "" || code === used) return;
    used = code;
    // It must not stay: not in the address, not in the history.
    history.replaceState(null, "", "/login");
    post<SessionAnswer>("/api/session", { code }).then(
      ({ proof }) => {
        keepProof(proof);
        goTo("/", "replace");
        restart();
      },
      (error: unknown) => {
        if (error instanceof ApiFault) setFault(error);
      },
    );
  }, []);
  if (fault !== null) {
    return (
      <Door>
        <Failure fault={fault} />
      </Door>
    );
  }
  return used === "" ? <SignedOut /> : <Loading />;
}

export function SignedOut() {
  return (
    <Door>
      <p>This browser has no session here. Run this in a terminal and follow its link:</p>
      <pre>corral open</pre>
      <p className="note">
        In a checkout: <code>npx corral open</code>. The link works once, for two minutes; the
        session lasts a week.
      </p>
    </Door>
  );
}

function Door({ children }: { readonly children: ReactNode }) {
  return (
    <main className="door">
      <Brand />
      <h1>Corral</h1>
      {children}
    </main>
  );
}
