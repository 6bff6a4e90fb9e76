import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { setLabels } from "../live/actions";
import { useStore } from "../store/store";
import { Checkbox } from "../ui/Checkbox";
import { Dialog } from "../ui/Dialog";
import { LabelDot } from "../ui/LabelDot";
import { useAttempt } from "./DeliveryState";
import styles from "./Thread.module.css";

interface LabelsDialogProps {
  conversation: Conversation;
  isOpen: boolean;
  onClose: () => void;
}

/** The dialog for the labels of a conversation. Each press is saved at once. */
export function LabelsDialog({ conversation, isOpen, onClose }: LabelsDialogProps) {
  const t = useT();
  const attempt = useAttempt();
  const labels = useStore((state) => state.directory.labels);
  const own = new Set(conversation.labels.map(({ id }) => id));
  return (
    <Dialog title={t("thread.labels_title")} isOpen={isOpen} onClose={onClose}>
      {labels.length === 0 && <p>{t("thread.labels_empty")}</p>}
      <div className={styles["departments"]}>
        {labels.map(({ id, name, colour }) => (
          <Checkbox
            key={id}
            isSelected={own.has(id)}
            onChange={(isSelected) =>
              void attempt(setLabels(conversation.id, isSelected ? [id] : [], isSelected ? [] : [id]))
            }
          >
            <LabelDot colour={colour} /> <bdi>{name}</bdi>
          </Checkbox>
        ))}
      </div>
    </Dialog>
  );
}
