import { useEffect, type RefObject } from "react";

import { isCharacter } from "../ui/keys";

/** Characters typed while no element has the focus go into the box: the focus moves before the browser inserts them. */
export function useTypeAnywhere(boxRef: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => {
    function handleKeyDown(event: KeyboardEvent) {
      const { activeElement } = document;
      const hasFocus = activeElement !== null && activeElement !== document.body;
      if (hasFocus || event.defaultPrevented || !isCharacter(event)) return;
      const box = boxRef.current;
      if (box === null || box.closest("[inert]") !== null) return;
      box.focus();
      box.setSelectionRange(box.value.length, box.value.length);
    }
    document.addEventListener("keydown", handleKeyDown);
    return () => document.removeEventListener("keydown", handleKeyDown);
  }, [boxRef]);
}
