import { lazy, Suspense, useState } from "react";

import type { Message } from "../api/types";
import { useT } from "../i18n/i18n";
import { takeBack, tryAgain } from "../live/actions";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";
import styles from "./bubble.module.css";

const EditHeldDialog = lazy(() => import("./EditHeldDialog"));

interface DeliveryStateProps {
  message: Message;
  guestName: string;
  isMine: boolean;
}

/** The problem of a held, unknown or failed message, with buttons to edit, delete or retry. */
export function DeliveryState({ message, guestName, isMine }: DeliveryStateProps) {
  const [isEditing, setEditing] = useState(false);
  return (
    <>
      {message.delivery === "held" && message.sender_type === "staff" && (
        <Held message={message} guestName={guestName} onEdit={isMine ? () => setEditing(true) : null} />
      )}
      {message.delivery === "unknown" && <Unknown message={message} />}
      {message.delivery === "failed" && <Failed message={message} />}
      {/* Outside `Held`, so that the dialog keeps its text if the message is sent meanwhile. */}
      {isEditing && (
        <Suspense>
          <EditHeldDialog message={message} guestName={guestName} onClose={() => setEditing(false)} />
        </Suspense>
      )}
    </>
  );
}

interface HeldProps {
  message: Message;
  guestName: string;
  /** Null for a colleague's message, because only its author may change it. */
  onEdit: (() => void) | null;
}

function Held({ message, guestName, onEdit }: HeldProps) {
  const t = useT();
  const attempt = useAttempt();
  return (
    <div className={`${styles["state"]} ${styles["held"]}`}>
      <span>{t("thread.held", { name: guestName })}</span>
      {onEdit && (
        <Button small variant="quiet" onPress={onEdit}>
          {t("thread.edit")}
        </Button>
      )}
      <Button small variant="quiet" onPress={() => void attempt(takeBack(message))}>
        {t("thread.take_back")}
      </Button>
    </div>
  );
}

function Failed({ message }: { message: Message }) {
  const t = useT();
  const attempt = useAttempt();
  return (
    <div className={`${styles["state"]} ${styles["failed"]}`}>
      <span dir="auto">{message.failure ?? t("ui.delivery.failed")}</span>
      <Button small onPress={() => void attempt(tryAgain(message))}>
        {t("thread.try_again")}
      </Button>
    </div>
  );
}

function Unknown({ message }: { message: Message }) {
  const t = useT();
  const attempt = useAttempt();
  const [isAsking, setAsking] = useState(false);
  return (
    <div className={`${styles["state"]} ${styles["failed"]}`}>
      <span>{t("thread.unknown")}</span>
      <Button small onPress={() => setAsking(true)}>
        {t("thread.send_again")}
      </Button>
      <Dialog title={t("thread.send_again_title")} isOpen={isAsking} onClose={() => setAsking(false)} isAlert>
        <p>{t("thread.send_again_text")}</p>
        <DialogActions>
          <Button onPress={() => setAsking(false)}>{t("ui.cancel")}</Button>
          <Button
            variant="primary"
            onPress={() => {
              setAsking(false);
              void attempt(tryAgain(message));
            }}
          >
            {t("thread.send_again")}
          </Button>
        </DialogActions>
      </Dialog>
    </div>
  );
}

/** Returns a function that awaits an action and shows a toast if it fails. It resolves to `true` on success. */
export function useAttempt(): (work: Promise<unknown>) => Promise<boolean> {
  const t = useT();
  return async (work) => {
    try {
      await work;
      return true;
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
      return false;
    }
  };
}
