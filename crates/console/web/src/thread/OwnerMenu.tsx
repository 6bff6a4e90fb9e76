import { ChevronDown, Hand, UserRound, UserRoundX } from "lucide-react";

import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { assignConversation } from "../live/actions";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Initials } from "../ui/Initials";
import { Menu, MenuItem, MenuSeparator } from "../ui/Menu";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import { colleaguesOf } from "./colleagues";
import { useAttempt } from "./DeliveryState";
import styles from "./Thread.module.css";
import { useTake } from "./useTake";

interface OwnerMenuProps {
  conversation: Conversation;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
}

/** The owner of a conversation, with a menu to assign it. Without an owner, a button takes it. */
export function OwnerMenu({ conversation, isOpen, onOpenChange }: OwnerMenuProps) {
  const t = useT();
  const me = useStore((state) => state.me);
  const staff = useStore((state) => state.directory.staff);
  const attempt = useAttempt();
  const take = useTake();
  const { id, assigned_to: owner } = conversation;
  const colleagues = colleaguesOf(staff, conversation, me.id);
  const name = owner === null ? t("thread.no_owner") : owner.id === me.id ? t("thread.owner_me") : owner.name;
  return (
    <>
      {owner === null && (
        <Button small variant="primary" onPress={() => void take(conversation)}>
          <Hand size={16} aria-hidden />
          {t("thread.take")}
        </Button>
      )}
      {conversation.status === "relay" && (
        <Menu
          label={t("thread.choose_owner")}
          isOpen={isOpen}
          onOpenChange={onOpenChange}
          trigger={
            <Button small variant="quiet">
              <VisuallyHidden>{t("thread.owner", { name })}</VisuallyHidden>
              {owner === null ? (
                <UserRound size={16} aria-hidden />
              ) : (
                <>
                  <Initials name={owner.name} isMe={owner.id === me.id} />
                  <span className={styles["toolName"]} aria-hidden>
                  <bdi>{name}</bdi>
                </span>
                </>
              )}
              <ChevronDown size={14} aria-hidden />
            </Button>
          }
        >
          {owner?.id !== me.id && (
            <MenuItem icon={<Hand size={18} aria-hidden />} action="take" onAction={() => void take(conversation)}>
              {t("thread.take_me")}
            </MenuItem>
          )}
          {owner !== null && (
            <MenuItem icon={<UserRoundX size={18} aria-hidden />} onAction={() => void attempt(assignConversation(id, null))}>
              {t("thread.no_owner")}
            </MenuItem>
          )}
          {colleagues.length > 0 && <MenuSeparator />}
          {colleagues.map((person) => (
            <MenuItem
              key={person.id}
              icon={<Initials name={person.name} />}
              textValue={person.name}
              onAction={() => void attempt(assignConversation(id, person.id))}
            >
              <bdi>{person.name}</bdi>
            </MenuItem>
          ))}
        </Menu>
      )}
    </>
  );
}
