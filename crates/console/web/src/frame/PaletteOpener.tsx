import { lazy, Suspense, useEffect, useState } from "react";
import { useLocation } from "wouter";

import { loadScreenMessages } from "../i18n/language";
import { isKey } from "../ui/keys";
import { isLayerOpen } from "../ui/modal";
import { listenToPalette } from "../ui/palette";

const Palette = lazy(async () => {
  const [palette] = await Promise.all([import("../search/Palette"), loadScreenMessages()]);
  return palette;
});

/** Number of conversations that the empty palette lists. */
const RECENT = 5;

/** Loads and shows the palette on request, and remembers which conversations were opened last. */
export function PaletteOpener() {
  const [isOpen, setOpen] = useState(false);
  const [path] = useLocation();
  const [recent, setRecent] = useState<readonly number[]>([]);
  const opened = Number(/^\/inbox\/[^/]+\/(\d+)/.exec(path)?.[1] ?? 0);
  // The open conversation is kept too, so that the list is complete when another one is opened.
  if (opened !== 0 && recent[0] !== opened) setRecent([opened, ...recent.filter((id) => id !== opened)].slice(0, RECENT + 1));

  useEffect(() => listenToPalette(() => setOpen(true)), []);
  useEffect(() => {
    function handleKeyDown(event: KeyboardEvent) {
      if (!isKey(event, "search")) return;
      // Also while a dialog is open: the browser's own search would take the focus away.
      event.preventDefault();
      if (!isLayerOpen()) setOpen(true);
    }
    document.addEventListener("keydown", handleKeyDown);
    return () => document.removeEventListener("keydown", handleKeyDown);
  }, []);

  if (!isOpen) return null;
  return (
    <Suspense>
      <Palette
        openId={opened === 0 ? null : opened}
        recent={recent.filter((id) => id !== opened).slice(0, RECENT)}
        onClose={() => setOpen(false)}
      />
    </Suspense>
  );
}
