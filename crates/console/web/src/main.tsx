import "./ui/global.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { I18nProvider } from "./i18n/i18n";
import { preferredLanguage, setLanguage } from "./i18n/language";
import { startSession } from "./session/session";
import { reloadOnce } from "./reload";
import { startAppearance } from "./ui/appearance";

// A chunk of an older build is gone after an update of the server: one reload brings the new ones.
globalThis.addEventListener("vite:preloadError", (event) => {
  if (reloadOnce()) event.preventDefault();
});

startAppearance();
const session = startSession();
await setLanguage(preferredLanguage());

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element #root");
createRoot(root).render(
  <StrictMode>
    <I18nProvider>
      <App />
    </I18nProvider>
  </StrictMode>,
);
await session;
