import { X } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { Text } from "react-aria-components/Text";
import {
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as AriaToastRegion,
} from "react-aria-components/Toast";

import { useT } from "../i18n/i18n";
import type { ToastText } from "./toast";
import styles from "./Toast.module.css";

const queue = new ToastQueue<ToastText>({ maxVisibleToasts: 3 });

export function addToast(toast: ToastText): void {
  queue.add(toast, { timeout: toast.action === undefined ? 8_000 : 10_000 });
}

/** The region that shows toasts; once per page. */
export default function ToastRegion() {
  const t = useT();
  return (
    <AriaToastRegion queue={queue} className={styles["region"] ?? ""} aria-label={t("ui.notices")}>
      {({ toast }) => (
        <AriaToast toast={toast} className={styles["toast"] ?? ""}>
          <ToastContent className={styles["content"] ?? ""}>
            <Text slot="title">{toast.content.text}</Text>
          </ToastContent>
          {toast.content.action && (
            <Button
              className={styles["action"] ?? ""}
              onPress={() => {
                toast.content.action?.onPress();
                queue.close(toast.key);
              }}
            >
              {toast.content.action.label}
            </Button>
          )}
          <Button slot="close" className={styles["close"] ?? ""} aria-label={t("ui.close")}>
            <X size={18} aria-hidden />
          </Button>
        </AriaToast>
      )}
    </AriaToastRegion>
  );
}
