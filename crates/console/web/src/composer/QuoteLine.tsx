import { X } from "lucide-react";

import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { focusOn } from "../ui/focus";
import { IconButton } from "../ui/IconButton";
import styles from "./Composer.module.css";

interface QuoteLineProps {
  conversationId: number;
  messageId: number;
  onRemove: () => void;
}

/** The message quoted by the next reply, with a button to remove the quote. */
export function QuoteLine({ conversationId, messageId, onRemove }: QuoteLineProps) {
  const t = useT();
  const message = useStore((state) => state.threads.get(conversationId)?.messages.get(messageId));
  return (
    <div className={styles["quote"]}>
      <p dir="auto">
        {message && (
          <>
            <strong>{t("composer.quoting", { name: message.sender_name })}</strong> {message.content}
          </>
        )}
      </p>
      <IconButton
        small
        label={t("composer.remove_quote")}
        icon={<X size={16} aria-hidden />}
        onPress={() => {
          onRemove();
          focusOn("composer");
        }}
      />
    </div>
  );
}
