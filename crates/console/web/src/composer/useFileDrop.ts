import { useCallback, useEffect, useState } from "react";

import { useT } from "../i18n/i18n";
import { refuseFile } from "./files";
import { stageFiles } from "./staged-files";

/**
 * Accepts files by choosing, pasting, or dropping anywhere on the page: by default the browser would open a dropped
 * file.
 */
export function useFileDrop(conversationId: number, hasNumber: boolean, onProblem: (sentence: string | null) => void) {
  const t = useT();
  const [isDropping, setDropping] = useState(false);

  const takeFiles = useCallback(
    (files: readonly File[]) => {
      onProblem(null);
      const taken = files.filter((file) => {
        const refusal = refuseFile(file, hasNumber);
        if (refusal !== null) onProblem(t(`composer.${refusal}`, { name: file.name }));
        return refusal === null;
      });
      if (taken.length > 0) stageFiles(conversationId, taken);
    },
    [conversationId, hasNumber, onProblem, t],
  );

  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    function handleOver(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDropping(true);
    }
    function handleLeave(event: DragEvent) {
      if (event.relatedTarget === null) setDropping(false);
    }
    function handleDrop(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDropping(false);
      takeFiles([...(event.dataTransfer?.files ?? [])]);
    }
    document.addEventListener("dragover", handleOver);
    document.addEventListener("dragleave", handleLeave);
    document.addEventListener("drop", handleDrop);
    return () => {
      document.removeEventListener("dragover", handleOver);
      document.removeEventListener("dragleave", handleLeave);
      document.removeEventListener("drop", handleDrop);
    };
  }, [takeFiles]);

  return { isDropping, takeFiles };
}
