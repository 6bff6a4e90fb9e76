import { Download, FileText, Music, Video } from "lucide-react";
import { useState } from "react";

import type { Attachment } from "../api/types";
import { useLanguage, useT, type Translate } from "../i18n/i18n";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";
import styles from "./attachment.module.css";
import { FileFailed } from "./FileFailed";
import { Picture } from "./Picture";
import { download, useFile } from "./useFile";

/** An attachment of a message: pictures are shown at once, audio and video on a press, other files are downloaded. */
export function AttachmentView({ attachment }: { attachment: Attachment }) {
  const [kind] = attachment.content_type.split("/");
  if (kind === "image") return <Picture attachment={attachment} />;
  if (kind === "audio" || kind === "video") return <Media attachment={attachment} kind={kind} />;
  return <FileLine attachment={attachment} icon={<FileText size={22} aria-hidden />} />;
}

function Media({ attachment, kind }: { attachment: Attachment; kind: "audio" | "video" }) {
  const t = useT();
  const [attempt, setAttempt] = useState(0);
  const loaded = useFile(attachment.id, attempt > 0, false, attempt);
  if (loaded.phase === "ready") {
    // Recordings of guests have no captions.
    return kind === "audio" ? (
      // oxlint-disable-next-line jsx-a11y/media-has-caption
      <audio className={styles["media"]} src={loaded.url} controls autoPlay aria-label={attachment.name} />
    ) : (
      // oxlint-disable-next-line jsx-a11y/media-has-caption
      <video className={`${styles["media"]} ${styles["video"]}`} src={loaded.url} controls autoPlay aria-label={attachment.name} />
    );
  }
  return (
    <>
      <FileLine
        attachment={attachment}
        icon={kind === "audio" ? <Music size={22} aria-hidden /> : <Video size={22} aria-hidden />}
        label={t("thread.file_play", { name: attachment.name })}
        onPress={() => setAttempt(attempt + 1)}
      />
      {loaded.phase === "failed" && <FileFailed onRetry={() => setAttempt(attempt + 1)} />}
    </>
  );
}

interface FileLineProps {
  attachment: Attachment;
  icon: React.ReactNode;
  label?: string;
  onPress?: () => void;
}

function FileLine({ attachment, icon, label, onPress }: FileLineProps) {
  const t = useT();
  const { locale } = useLanguage();
  const { id, name, size } = attachment;
  function save() {
    download(id, name).catch((error: unknown) => showToast({ text: sentenceOf(error, t) }));
  }
  return (
    <button
      type="button"
      className={styles["file"]}
      aria-label={label ?? t("thread.file_download", { name })}
      onClick={onPress ?? save}
    >
      {icon}
      <span className={styles["fileName"]}>
        <bdi>{name}</bdi>
        {size > 0 && <span>{formatSize(size, locale, t)}</span>}
      </span>
      {onPress === undefined && <Download size={18} aria-hidden />}
    </button>
  );
}

function formatSize(bytes: number, locale: string, t: Translate): string {
  const isSmall = bytes < 1_000_000;
  const size = new Intl.NumberFormat(locale, { maximumFractionDigits: isSmall ? 0 : 1 }).format(
    isSmall ? Math.max(1, bytes / 1_000) : bytes / 1_000_000,
  );
  return t(isSmall ? "thread.size_kb" : "thread.size_mb", { size });
}
