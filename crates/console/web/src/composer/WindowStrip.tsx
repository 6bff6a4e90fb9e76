import { useQuery } from "@tanstack/react-query";

import { listTemplates } from "../api/hotel-calls";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { fillForGuest } from "./fill";
import styles from "./Composer.module.css";

interface WindowStripProps {
  conversation: Conversation;
  /** The guest has never written, so the window was never open. */
  never: boolean;
  /** The box contains a text without files, which can be held. */
  hasText: boolean;
  onSendHeld: () => void;
}

/**
 * The strip for a closed 24-hour window: only the opener template may be sent, and the text is held until the guest
 * writes.
 */
export function WindowStrip({ conversation, never, hasText, onSendHeld }: WindowStripProps) {
  const t = useT();
  const openerId = useStore((state) => state.directory.hotel.opener_template_id);
  const { data: templates } = useQuery({ queryKey: ["templates"], queryFn: () => listTemplates(), staleTime: 60_000 });
  const name = conversation.guest_name;
  if (openerId === null) return <Strip tone="warning">{t("composer.no_opener", { name })}</Strip>;
  const template = templates?.find(({ id }) => id === openerId);
  const opener = template === undefined ? "…" : fillForGuest(template.content, conversation);
  return (
    <Strip
      tone="warning"
      actions={
        hasText && (
          <Button small variant="primary" onPress={onSendHeld}>
            {t("composer.send_opener")}
          </Button>
        )
      }
    >
      <span className={styles["stripText"]}>{t(never ? "composer.window_never" : "composer.window_closed", { name, opener })}</span>
      <span className={styles["stripText"]}>{t("composer.window_hint", { name })}</span>
    </Strip>
  );
}
