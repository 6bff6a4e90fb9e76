import { useEffect, useEffectEvent, useState } from "react";

/**
 * Calls `handleFile` with the first file dropped anywhere on the page. Returns whether a file is being dragged over the
 * page.
 */
export function useFileDrop(handleFile: (file: File) => void): boolean {
  const [isOver, setOver] = useState(false);
  const handle = useEffectEvent(handleFile);

  useEffect(() => {
    const listeners = new AbortController();
    const { signal } = listeners;
    function handleDragOver(event: DragEvent) {
      event.preventDefault();
      setOver(true);
    }
    function handleDragLeave(event: DragEvent) {
      // Null: the pointer has left the window.
      if (event.relatedTarget === null) setOver(false);
    }
    function handleDrop(event: DragEvent) {
      event.preventDefault();
      setOver(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file !== undefined) handle(file);
    }
    window.addEventListener("dragover", handleDragOver, { signal });
    window.addEventListener("dragleave", handleDragLeave, { signal });
    window.addEventListener("drop", handleDrop, { signal });
    return () => listeners.abort();
  }, []);

  return isOver;
}
