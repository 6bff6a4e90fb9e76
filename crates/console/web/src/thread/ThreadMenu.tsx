import { AlarmClock, AlarmClockOff, Bot, Building, Check, CircleCheck, EllipsisVertical, Hand, IdCard, Tags, UserRound } from "lucide-react";

import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { handBackConversation, markHandled } from "../live/actions";
import { useStore } from "../store/store";
import { isSnoozed } from "../store/waiting";
import { IconButton } from "../ui/IconButton";
import { Menu, MenuItem, MenuSeparator } from "../ui/Menu";
import { useAttempt } from "./DeliveryState";
import type { ThreadDialog } from "./ThreadHeader";
import { useSnooze } from "./useSnooze";

interface ThreadMenuProps {
  conversation: Conversation;
  /** On telephones the menu also contains the actions that do not fit into the header. */
  isCompact: boolean;
  onShowCard: (() => void) | null;
  onDialog: (dialog: ThreadDialog) => void;
  onTake: () => void;
  onFinish: () => void;
}

export function ThreadMenu({ conversation, isCompact, onShowCard, onDialog, onTake, onFinish }: ThreadMenuProps) {
  const t = useT();
  const attempt = useAttempt();
  const { wake } = useSnooze();
  const me = useStore((state) => state.me);
  const { id, status } = conversation;
  const isClosed = status === "closed";

  return (
    <Menu
      label={t("thread.more")}
      trigger={<IconButton label={t("thread.more")} icon={<EllipsisVertical size={20} aria-hidden />} small={!isCompact} />}
    >
      {onShowCard && (
        <MenuItem icon={<IdCard size={18} aria-hidden />} onAction={onShowCard}>
          {t("thread.card")}
        </MenuItem>
      )}
      {isCompact && !isClosed && (
        <>
          <MenuItem icon={<Building size={18} aria-hidden />} onAction={() => onDialog("transfer")}>
            {t("thread.transfer")}
          </MenuItem>
          {conversation.assigned_to?.id !== me.id && (
            <MenuItem icon={<Hand size={18} aria-hidden />} onAction={onTake}>
              {t("thread.take")}
            </MenuItem>
          )}
          <MenuItem icon={<UserRound size={18} aria-hidden />} onAction={() => onDialog("owner")}>
            {t("thread.choose_owner")}
          </MenuItem>
          <MenuItem icon={<Check size={18} aria-hidden />} onAction={onFinish}>
            {t("thread.done")}
          </MenuItem>
          <MenuSeparator />
        </>
      )}
      <MenuItem icon={<Tags size={18} aria-hidden />} onAction={() => onDialog("labels")}>
        {t("thread.labels")}
      </MenuItem>
      {conversation.waiting_since !== null && (
        <MenuItem icon={<CircleCheck size={18} aria-hidden />} onAction={() => void attempt(markHandled(id))}>
          {t("thread.handled")}
        </MenuItem>
      )}
      {!isClosed && !isSnoozed(conversation) && (
        <MenuItem icon={<AlarmClock size={18} aria-hidden />} onAction={() => onDialog("snooze")}>
          {t("snooze.action")}
        </MenuItem>
      )}
      {isSnoozed(conversation) && (
        <MenuItem icon={<AlarmClockOff size={18} aria-hidden />} onAction={() => void wake(conversation)}>
          {t("snooze.wake")}
        </MenuItem>
      )}
      {status === "relay" && (
        <MenuItem icon={<Bot size={18} aria-hidden />} onAction={() => void attempt(handBackConversation(id))}>
          {t("thread.hand_back")}
        </MenuItem>
      )}
    </Menu>
  );
}
