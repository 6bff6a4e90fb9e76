import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link2, Link2Off } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";

import { linkStay, unlinkStay } from "../api/calls";
import type { Stay } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { placePath } from "../store/place";
import { queueOf } from "../store/queues";
import { handlesStays } from "../store/rights";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { SearchMenu } from "../ui/SearchMenu";
import { formatShortDay } from "../ui/time";
import { showToast } from "../ui/toast";
import { findStays } from "./find-stays";
import styles from "./GuestCard.module.css";

interface LinkStayProps {
  conversationId: number;
  guestId: number;
  /** The stays of the guest, to find those that were linked. */
  stays: readonly Stay[];
  /** The stay of the conversation; null: the conversation has none, or the stay is not loaded yet. */
  stay: Stay | null;
  hasStay: boolean;
}

/**
 * Links a guest whose number no booking has to a stay, and undoes that. Only for stay handlers; others see that the stay
 * is linked.
 */
export function LinkStay({ conversationId, guestId, stays, stay, hasStay }: LinkStayProps) {
  const t = useT();
  const canLink = useStore(handlesStays);
  if (hasStay) {
    if (stay === null || !stay.linked) return null;
    return (
      <>
        <p className={styles["muted"]}>{t("link.linked")}</p>
        {canLink && <UnlinkButton conversationId={conversationId} guestId={guestId} />}
      </>
    );
  }
  const elsewhere = stays.find(({ linked, status }) => linked && (status === "booked" || status === "checked_in"));
  return (
    <>
      {elsewhere !== undefined && <MessagesElsewhere stay={elsewhere} />}
      {canLink && <LinkButton conversationId={conversationId} guestId={guestId} />}
    </>
  );
}

/** The guest is linked to a stay that had a conversation: new messages arrive there. */
function MessagesElsewhere({ stay }: { stay: Stay }) {
  const t = useT();
  const queue = useStore(({ conversations, me }) => {
    const conversation = stay.conversation_id === null ? undefined : conversations.get(stay.conversation_id);
    return conversation === undefined ? "done" : queueOf(conversation, me);
  });
  const words = stay.room_number === null ? t("link.elsewhere") : t("link.elsewhere_room", { room: stay.room_number });
  return (
    <p>
      {stay.conversation_id === null ? (
        <Bidi>{words}</Bidi>
      ) : (
        <Link href={placePath({ queue, department: null }, stay.conversation_id)}>
          <Bidi>{words}</Bidi>
        </Link>
      )}
    </p>
  );
}

function LinkButton({ conversationId, guestId }: { conversationId: number; guestId: number }) {
  const t = useT();
  const { locale } = useLanguage();
  const queries = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [words, setWords] = useState("");
  const [isPending, setPending] = useState(false);
  const search = words.trim();
  const found = useQuery({
    queryKey: ["stays", "to link", search],
    queryFn: () => findStays(search),
    enabled: isOpen,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
  const items = (found.data ?? []).map((stay) => {
    const days = t("guest.dates", { from: formatShortDay(stay.check_in, locale), to: formatShortDay(stay.check_out, locale) });
    const room = stay.room_number === null ? t("guest.no_room") : t("guest.room", { room: stay.room_number });
    return { id: stay.id, name: stay.guest_name, detail: t("link.choice", { room, days, code: stay.reservation_code }) };
  });

  async function link(stayId: number) {
    setOpen(false);
    setPending(true);
    try {
      await linkStay(conversationId, stayId);
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    }
    setPending(false);
    // Also after a failure: a colleague may have been faster.
    void queries.invalidateQueries({ queryKey: ["guest", guestId] });
    void queries.invalidateQueries({ queryKey: ["stays"] });
  }

  return (
    <div className={styles["actions"]}>
      <SearchMenu
        label={t("link.stay")}
        searchLabel={t("link.search")}
        isOpen={isOpen}
        onOpenChange={(open) => {
          setOpen(open);
          setWords("");
        }}
        words={words}
        onWordsChange={setWords}
        items={items}
        empty={t(found.isPending ? "link.searching" : found.isError ? "ui.failed_unknown" : "ui.nothing_found")}
        onChoose={(id) => void link(id)}
        trigger={
          <Button small isPending={isPending}>
            <Link2 size={16} aria-hidden />
            {t("link.stay")}
          </Button>
        }
      />
    </div>
  );
}

function UnlinkButton({ conversationId, guestId }: { conversationId: number; guestId: number }) {
  const t = useT();
  const queries = useQueryClient();
  const [isPending, setPending] = useState(false);

  async function unlink() {
    setPending(true);
    try {
      await unlinkStay(conversationId);
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    }
    setPending(false);
    void queries.invalidateQueries({ queryKey: ["guest", guestId] });
    void queries.invalidateQueries({ queryKey: ["stays"] });
  }

  return (
    <div className={styles["actions"]}>
      <Button small isPending={isPending} onPress={() => void unlink()}>
        <Link2Off size={16} aria-hidden />
        {t("link.undo")}
      </Button>
    </div>
  );
}
