import { useState } from "react";

import type { Attachment } from "../api/types";
import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import styles from "./attachment.module.css";
import { FileFailed } from "./FileFailed";
import { download, useFile } from "./useFile";

const MAX_WIDTH = 320;
const MAX_HEIGHT = 240;

/** The thumbnail of a picture; a press opens it in full size. The placeholder already has the final size. */
export function Picture({ attachment }: { attachment: Attachment }) {
  const t = useT();
  const { id, name } = attachment;
  const [attempt, setAttempt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const thumbnail = useFile(id, true, true, attempt);
  const { width, height } = fit(attachment);
  return (
    <>
      <button
        type="button"
        className={styles["picture"]}
        aria-label={t("thread.file_open", { name })}
        onClick={() => setOpen(true)}
      >
        {thumbnail.phase === "ready" ? (
          <img src={thumbnail.url} alt="" width={width} height={height} />
        ) : (
          // An empty canvas reserves the size of the picture.
          <canvas width={width} height={height} />
        )}
      </button>
      {thumbnail.phase === "failed" && <FileFailed onRetry={() => setAttempt(attempt + 1)} />}
      <Dialog title={name} shape="wide" isOpen={isOpen} onClose={() => setOpen(false)}>
        <FullPicture attachment={attachment} />
      </Dialog>
    </>
  );
}

function FullPicture({ attachment }: { attachment: Attachment }) {
  const t = useT();
  const [attempt, setAttempt] = useState(0);
  const full = useFile(attachment.id, true, false, attempt);
  return (
    <>
      {full.phase === "ready" && <img className={styles["full"]} src={full.url} alt={attachment.name} />}
      {full.phase === "loading" && <p>{t("ui.loading")}</p>}
      {full.phase === "failed" && <FileFailed onRetry={() => setAttempt(attempt + 1)} />}
      <DialogActions>
        <Button onPress={() => void download(attachment.id, attachment.name)}>
          {t("thread.file_download", { name: attachment.name })}
        </Button>
      </DialogActions>
    </>
  );
}

function fit({ width, height }: Attachment): { width: number; height: number } {
  if (!width || !height) return { width: 240, height: 180 };
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}
