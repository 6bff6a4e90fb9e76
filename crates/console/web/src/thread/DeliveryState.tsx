import { useState } from "react";

import type { Message } from "../api/types";
import { useDraftActions } from "./useDraftActions";
import { useT } from "../i18n/i18n";
import { takeBack, tryAgain } from "../live/actions";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";
import styles from "./bubble.module.css";

interface DeliveryStateProps {
  message: Message;
  guestName: string;
  isMine: boolean;
}

/** What stands in the way of a message, and what the person can do about it. Nothing if all is well. */
export function DeliveryState({ message, guestName, isMine }: DeliveryStateProps) {
  switch (message.delivery) {
    case "held":
      return <Held message={message} guestName={guestName} isMine={isMine} />;
    case "unknown":
      return <Unknown message={message} />;
    case "failed":
      return <Failed message={message} />;
    default:
      return null;
  }
}

function Held({ message, guestName, isMine }: DeliveryStateProps) {
  const t = useT();
  const attempt = useAttempt();
  const { editText } = useDraftActions(message.conversation_id);
  if (message.sender_type !== "staff") return null;
  return (
    <div className={`${styles["state"]} ${styles["held"]}`}>
      <span>{t("thread.held", { name: guestName })}</span>
      {isMine && (
        <Button
          small
          variant="quiet"
          onPress={() => void attempt(takeBack(message)).then((done) => done && editText(message.content))}
        >
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

/** Does something that may fail; a toast says why. Returns whether it was done. */
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
