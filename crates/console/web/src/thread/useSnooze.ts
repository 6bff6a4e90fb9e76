import type { Conversation } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { snoozeConversation, wakeConversation } from "../live/actions";
import { useStore } from "../store/store";
import { formatSoon } from "../ui/time";
import { showToast } from "../ui/toast";
import { useAttempt } from "./DeliveryState";

interface SnoozeActions {
  /** Snoozes until a time in milliseconds since 1970, with an undo toast. */
  readonly snooze: (conversation: Conversation, until: number) => Promise<void>;
  readonly wake: (conversation: Conversation) => Promise<void>;
}

export function useSnooze(): SnoozeActions {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const attempt = useAttempt();

  async function wake({ id }: Conversation) {
    await attempt(wakeConversation(id));
  }

  return {
    wake,
    async snooze(conversation, until) {
      const at = new Date(until).toISOString();
      if (!(await attempt(snoozeConversation(conversation.id, at)))) return;
      const time = formatSoon(at, Date.now(), { locale, zone });
      showToast({
        text: t("snooze.toast", { name: conversation.guest_name, time }),
        action: { label: t("ui.undo"), onPress: () => void wake(conversation) },
      });
    },
  };
}
