import { lazy, Suspense, useEffect, useState } from "react";

import { listenToKeySheet } from "../ui/keySheet";

const KeySheet = lazy(() => import("./KeySheet"));

/** Loads and shows the key sheet on request. */
export function KeySheetOpener() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => listenToKeySheet(() => setOpen(true)), []);
  if (!isOpen) return null;
  return (
    <Suspense>
      <KeySheet onClose={() => setOpen(false)} />
    </Suspense>
  );
}
