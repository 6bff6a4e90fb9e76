import { FileText, X } from "lucide-react";
import { useCallback } from "react";

import { useT } from "../i18n/i18n";
import { focusOn } from "../ui/focus";
import { IconButton } from "../ui/IconButton";
import styles from "./Composer.module.css";
import { removeFile } from "./staged-files";

/** The files to be sent with the next press of Send. */
export function FileChips({ conversationId, files }: { conversationId: number; files: readonly File[] }) {
  const t = useT();
  if (files.length === 0) return null;
  return (
    <ul className={styles["files"]}>
      {files.map((file, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- two files may have one name
        <li key={`${file.name}-${at}`} className={styles["fileChip"]}>
          <Preview file={file} />
          <bdi>{file.name}</bdi>
          <IconButton
            small
            label={t("composer.remove_file", { name: file.name })}
            icon={<X size={14} aria-hidden />}
            onPress={() => {
              removeFile(conversationId, file);
              focusOn("composer");
            }}
          />
        </li>
      ))}
    </ul>
  );
}

function Preview({ file }: { file: File }) {
  const showFile = useCallback(
    (image: HTMLImageElement) => {
      const url = URL.createObjectURL(file);
      image.src = url;
      return () => URL.revokeObjectURL(url);
    },
    [file],
  );
  if (!file.type.startsWith("image/")) return <FileText size={18} aria-hidden />;
  return <img ref={showFile} alt="" width={32} height={32} />;
}
