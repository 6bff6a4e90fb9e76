import { useEffect } from "react";

import { isKey } from "../ui/keys";
import { isLayerOpen } from "../ui/modal";

interface ListKeys {
  /** In the order shown. */
  ids: readonly number[];
  openId: number | null;
  onOpen: (id: number) => void;
}

/** Alt ↑ and Alt ↓ open the previous and next conversation of the list, wherever the focus is. */
export function useListKeys({ ids, openId, onOpen }: ListKeys): void {
  useEffect(() => {
    function handleKeyDown(event: KeyboardEvent) {
      const step = isKey(event, "nextConversation") ? 1 : isKey(event, "previousConversation") ? -1 : null;
      if (step === null || isLayerOpen()) return;
      event.preventDefault();
      const place = openId === null ? -1 : ids.indexOf(openId);
      const target = place === -1 ? (step === 1 ? 0 : ids.length - 1) : place + step;
      const id = ids[target];
      if (id !== undefined) onOpen(id);
    }
    document.addEventListener("keydown", handleKeyDown);
    return () => document.removeEventListener("keydown", handleKeyDown);
  }, [ids, openId, onOpen]);
}
