import "@fontsource-variable/instrument-sans/wght.css";
import "@fontsource-variable/geist-mono/wght.css";
import "./styles/tokens.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/monitoring.css";
import "./styles/terminal.css";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { follow } from "./live/follow.ts";
import { applyTheme } from "./parts/theme.tsx";

applyTheme();
follow();
createRoot(document.querySelector("#root")!).render(<App />);
