import { Copy, MailOpen, Quote, Smile, Undo2 } from "lucide-react";
import { useMemo } from "react";
import { Menu as AriaMenu } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";

import type { Message } from "../api/types";
import { useT } from "../i18n/i18n";
import { markUnread, reactTo, takeBack } from "../live/actions";
import { copyText } from "../ui/clipboard";
import { MenuItem, MenuSeparator } from "../ui/Menu";
import popoverStyles from "../ui/popover.module.css";
import { useAttempt } from "./DeliveryState";
import { useDraftActions } from "./useDraftActions";

const EMOJIS = ["👍", "❤️", "🙏", "😊"];

interface MessageMenuProps {
  /** The message whose menu was opened last, and the button that opened it. */
  opened: { readonly message: Message; readonly button: HTMLElement } | null;
  isOpen: boolean;
  onClose: () => void;
  conversationId: number;
}

/** The menu of a message. One for the whole thread, because a menu per message slows long threads down. */
export function MessageMenu({ opened, isOpen, onClose, conversationId }: MessageMenuProps) {
  const t = useT();
  const attempt = useAttempt();
  const { replyTo } = useDraftActions(conversationId);
  const button = useMemo(() => ({ current: opened?.button ?? null }), [opened]);
  const message = opened?.message;
  const isGuest = message?.sender_type === "guest";
  const own = message?.reactions.find(({ by }) => by === "staff")?.emoji;
  return (
    <Popover
      className={popoverStyles["popover"] ?? ""}
      aria-label={t("thread.message_menu")}
      triggerRef={button}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      placement="bottom"
      offset={4}
    >
      {message && (
        <AriaMenu
          className={popoverStyles["list"] ?? ""}
          aria-label={t("thread.message_menu")}
          onClose={onClose}
          // Autofocus is expected, because the person has just opened the menu.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
        >
          <MenuItem icon={<Copy size={18} aria-hidden />} onAction={() => void copyText(message.content)}>
            {t("thread.copy")}
          </MenuItem>
          {!message.internal && (
            <MenuItem icon={<Quote size={18} aria-hidden />} onAction={() => replyTo(message.id)}>
              {t("thread.quote")}
            </MenuItem>
          )}
          {isGuest && (
            <MenuItem icon={<MailOpen size={18} aria-hidden />} onAction={() => void attempt(markUnread(message))}>
              {t("thread.unread_from")}
            </MenuItem>
          )}
          {(message.delivery === "queued" || message.delivery === "held") && message.sender_type === "staff" && (
            <MenuItem icon={<Undo2 size={18} aria-hidden />} onAction={() => void attempt(takeBack(message))}>
              {t("thread.take_back")}
            </MenuItem>
          )}
          {isGuest && <MenuSeparator />}
          {isGuest &&
            EMOJIS.map((emoji) => (
              <MenuItem
                key={emoji}
                icon={<Smile size={18} aria-hidden />}
                textValue={emoji}
                onAction={() => void attempt(reactTo(message, own === emoji ? "" : emoji))}
              >
                {t(own === emoji ? "thread.unreact" : "thread.react", { emoji })}
              </MenuItem>
            ))}
        </AriaMenu>
      )}
    </Popover>
  );
}
