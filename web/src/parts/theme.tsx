import { useState } from "react";
import { Icon } from "./marks.tsx";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "corral.theme";
const ICON = { auto: "auto", light: "sun", dark: "moon" } as const;

function kept(): Theme {
  const found = localStorage.getItem(KEY);
  return THEMES.find((one) => one === found) ?? "auto";
}

/** Shows the page in the kept theme; call it before anything is shown. */
export function applyTheme(theme: Theme = kept()): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** Goes from the system's theme to light, to dark, and back. */
export function ThemeButton() {
  const [theme, setTheme] = useState(kept);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  return (
    <button
      type="button"
      className="plain"
      aria-label={`Theme: ${theme}. Change to ${next}`}
      onClick={() => {
        localStorage.setItem(KEY, next);
        applyTheme(next);
        setTheme(next);
      }}
    >
      <Icon name={ICON[theme]} />
    </button>
  );
}
