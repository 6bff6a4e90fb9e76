import { ArrowLeft, Building, Check, ChevronDown, Eye } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";

import type { Conversation } from "../api/types";
import { useLanguage, useT, type Translate } from "../i18n/i18n";
import { finishConversation, reopenConversation } from "../live/actions";
import { placePath, type Place } from "../store/place";
import type { Presence } from "../store/state";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { focusSoon } from "../ui/focus";
import { IconButton } from "../ui/IconButton";
import { showToast } from "../ui/toast";
import { TWO_PANES, useMediaQuery } from "../ui/useMediaQuery";
import { useAttempt } from "./DeliveryState";
import { LabelsDialog } from "./LabelsDialog";
import { OwnerDialog } from "./OwnerDialog";
import { OwnerMenu } from "./OwnerMenu";
import { SnoozeDialog } from "./SnoozeDialog";
import styles from "./Thread.module.css";
import { ThreadMenu } from "./ThreadMenu";
import { TransferDialog } from "./TransferDialog";
import { useTake } from "./useTake";
import { useThreadKeys } from "./useThreadKeys";

interface ThreadHeaderProps {
  id: number;
  conversation: Conversation | undefined;
  /** The conversation is no longer visible; only the name is shown. */
  isGone: boolean;
  place: Place;
  onShowCard: (() => void) | null;
}

export type ThreadDialog = "transfer" | "labels" | "owner" | "snooze";

/** The header of a thread: guest and room, viewers, department, owner, and the actions. */
export function ThreadHeader({ id, conversation, isGone, place, onShowCard }: ThreadHeaderProps) {
  const t = useT();
  const [, navigate] = useLocation();
  const hasTwoPanes = useMediaQuery(TWO_PANES);
  const [dialog, setDialog] = useState<ThreadDialog | null>(null);
  const finish = useFinish();
  const take = useTake();
  const attempt = useAttempt();
  const isClosed = conversation?.status === "closed";
  const canAct = conversation !== undefined && !isClosed && !isGone;
  const owner = { isOpen: dialog === "owner", onOpenChange: (isOpen: boolean) => setDialog(isOpen ? "owner" : null) };
  useThreadKeys({
    transfer: () => canAct && setDialog("transfer"),
    assign: () => canAct && setDialog("owner"),
    take: () => canAct && void take(conversation),
    done: () => canAct && void finish(conversation),
  });

  return (
    <div className={styles["head"]}>
      <div className={styles["headLine"]}>
        {!hasTwoPanes && (
          <div className={styles["back"]}>
            <IconButton
              label={t("thread.back")}
              icon={<ArrowLeft size={22} aria-hidden data-directional />}
              onPress={() => {
                focusSoon("list");
                navigate(placePath(place));
              }}
            />
          </div>
        )}
        <div className={styles["who"]}>
          <h2 id="thread-title" className={styles["name"]}>
            <Bidi>{conversation?.guest_name ?? "…"}</Bidi>
          </h2>
          {conversation && hasTwoPanes && <Bidi className={styles["room"]}>{roomOf(conversation, t)}</Bidi>}
          {conversation && !hasTwoPanes && <ShortOwnership conversation={conversation} />}
          <Viewers id={id} />
        </div>
        {conversation && hasTwoPanes && !isClosed && !isGone && (
          <div className={styles["tools"]}>
            <Button small variant="quiet" onPress={() => setDialog("transfer")} aria-label={departmentLabel(conversation, t)}>
              <Building size={16} aria-hidden />
              <Bidi className={styles["toolName"]}>{conversation.department_name ?? t("thread.with_assistant")}</Bidi>
              <ChevronDown size={14} aria-hidden />
            </Button>
            <OwnerMenu conversation={conversation} {...owner} />
          </div>
        )}
        {conversation && !isGone && (
          <div className={styles["end"]}>
            {hasTwoPanes && !isClosed && (
              <Button small onPress={() => void finish(conversation)}>
                <Check size={16} aria-hidden />
                {t("thread.done")}
              </Button>
            )}
            {isClosed && (
              <Button small onPress={() => void attempt(reopenConversation(conversation.id))}>
                {t("thread.reopen")}
              </Button>
            )}
            <ThreadMenu
              conversation={conversation}
              isCompact={!hasTwoPanes}
              onShowCard={onShowCard}
              onDialog={setDialog}
              onTake={() => void take(conversation)}
              onFinish={() => void finish(conversation)}
            />
            {!hasTwoPanes && (
              <OwnerDialog conversation={conversation} isOpen={dialog === "owner"} onClose={() => setDialog(null)} />
            )}
            <TransferDialog conversation={conversation} isOpen={dialog === "transfer"} onClose={() => setDialog(null)} />
            <SnoozeDialog conversation={conversation} isOpen={dialog === "snooze"} onClose={() => setDialog(null)} />
            <LabelsDialog conversation={conversation} isOpen={dialog === "labels"} onClose={() => setDialog(null)} />
          </div>
        )}
      </div>
    </div>
  );
}

function departmentLabel({ department_name: name }: Conversation, t: Translate): string {
  return `${name === null ? t("thread.with_assistant") : t("thread.department", { name })}. ${t("thread.transfer")}`;
}

function roomOf({ room_number: room }: Conversation, t: Translate): string {
  return room === null ? t("thread.no_room") : t("thread.room", { room });
}

/** The line "Room 2037 · Housekeeping · me" below the name on telephones. */
function ShortOwnership({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const me = useStore((state) => state.me);
  const owner = conversation.assigned_to;
  const parts = [
    roomOf(conversation, t),
    conversation.department_name ?? t("thread.with_assistant"),
    owner && (owner.id === me.id ? t("thread.owner_me") : owner.name),
  ];
  return <Bidi className={styles["second"]}>{parts.filter(Boolean).join(" · ")}</Bidi>;
}

const NOBODY: readonly Presence[] = [];

function Viewers({ id }: { id: number }) {
  const t = useT();
  const { locale } = useLanguage();
  const presence = useStore((state) => state.presence.get(id) ?? NOBODY);
  const names = [...new Set(presence.map(({ staff }) => staff.name))];
  if (names.length === 0) return null;
  return (
    <span className={styles["viewers"]}>
      <Eye size={14} aria-hidden />
      {t("thread.viewing", { names: new Intl.ListFormat(locale).format(names) })}
    </span>
  );
}

/** Returns the action "Done", with an undo toast. */
function useFinish(): (conversation: Conversation) => Promise<void> {
  const t = useT();
  const attempt = useAttempt();
  return async ({ id, guest_name: name }) => {
    if (!(await attempt(finishConversation(id)))) return;
    showToast({
      text: t("thread.done_toast", { name }),
      action: { label: t("ui.undo"), onPress: () => void attempt(reopenConversation(id)) },
    });
  };
}
