import "./ui/global.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App, isPreloadingRoutes, preloadRoutes } from "./App";
import { I18nProvider } from "./i18n/i18n";
import { preferredLanguage, setLanguage } from "./i18n/language";
import { startSession } from "./session/session";
import { reloadOnce } from "./reload";
import { startAppearance } from "./ui/appearance";

// After an update of the server, a chunk of the old build is missing: reload once to load the new build.
globalThis.addEventListener("vite:preloadError", (event) => {
  if (!isPreloadingRoutes() && reloadOnce()) event.preventDefault();
});

startAppearance();
const session = startSession();
await setLanguage(preferredLanguage());
preloadRoutes();

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
