import { useEffect, useRef } from "react";

import { isKey } from "../ui/keys";
import { isLayerOpen } from "../ui/modal";

type Handlers = Record<"transfer" | "assign" | "take" | "done", () => unknown>;

/** Handles the keys for the open conversation, wherever the focus is, unless a dialog or menu is open. */
export function useThreadKeys(handlers: Handlers): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    function handleKeyDown(event: KeyboardEvent) {
      const action = (["transfer", "assign", "take", "done"] as const).find((each) => isKey(event, each));
      if (action === undefined || isLayerOpen()) return;
      event.preventDefault();
      latest.current[action]();
    }
    document.addEventListener("keydown", handleKeyDown);
    return () => document.removeEventListener("keydown", handleKeyDown);
  }, []);
}
