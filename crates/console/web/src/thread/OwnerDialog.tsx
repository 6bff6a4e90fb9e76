import { Hand, UserRoundX } from "lucide-react";

import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { assignConversation } from "../live/actions";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Initials } from "../ui/Initials";
import { colleaguesOf } from "./colleagues";
import { useAttempt } from "./DeliveryState";
import styles from "./Thread.module.css";
import { useTake } from "./useTake";

interface OwnerDialogProps {
  conversation: Conversation;
  isOpen: boolean;
  onClose: () => void;
}

/** The dialog on telephones to assign the conversation. */
export function OwnerDialog({ conversation, isOpen, onClose }: OwnerDialogProps) {
  const t = useT();
  const me = useStore((state) => state.me);
  const staff = useStore((state) => state.directory.staff);
  const attempt = useAttempt();
  const take = useTake();
  const { id, assigned_to: owner } = conversation;

  function choose(staffId: number | null) {
    onClose();
    void attempt(assignConversation(id, staffId));
  }

  return (
    <Dialog title={t("thread.choose_owner")} isOpen={isOpen} onClose={onClose}>
      <div className={styles["people"]}>
        {owner?.id !== me.id && (
          <Button
            variant="quiet"
            onPress={() => {
              onClose();
              void take(conversation);
            }}
          >
            <Hand size={18} aria-hidden />
            {t("thread.take_me")}
          </Button>
        )}
        {owner !== null && (
          <Button variant="quiet" onPress={() => choose(null)}>
            <UserRoundX size={18} aria-hidden />
            {t("thread.no_owner")}
          </Button>
        )}
        {colleaguesOf(staff, conversation, me.id).map((person) => (
          <Button key={person.id} variant="quiet" onPress={() => choose(person.id)}>
            <Initials name={person.name} />
            <bdi>{person.name}</bdi>
          </Button>
        ))}
      </div>
    </Dialog>
  );
}
