import { useQuery } from "@tanstack/react-query";
import { Phone } from "lucide-react";

import { getConversation, getGuest } from "../api/calls";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { LabelDot } from "../ui/LabelDot";
import styles from "./GuestCard.module.css";
import { GuestNote } from "./GuestNote";
import { History } from "./History";
import { LinkStay } from "./LinkStay";
import { OtherStays } from "./OtherStays";
import { StayFacts } from "./StayFacts";

/** The side panel about the guest: stay, contact, note, other stays, and the history of the conversation. */
export function GuestCard({ conversationId, isInDrawer = false }: { conversationId: number; isInDrawer?: boolean }) {
  const t = useT();
  const conversation = useStore((state) => state.conversations.get(conversationId));
  if (conversation === undefined) return null;
  return (
    <aside
      className={`${styles["card"]} ${isInDrawer ? styles["inDrawer"] : ""}`.trim()}
      aria-label={t("guest.card")}
      data-region
      // A scroll container must be focusable, so that it scrolls by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <Facts conversation={conversation} />
    </aside>
  );
}

function Facts({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const { id, guest_id: guestId, labels } = conversation;
  // Stay, room and name are in the key, because they can change with the conversation.
  const details = useQuery({
    queryKey: ["conversation", id, conversation.stay_id, conversation.room_number, conversation.guest_name],
    queryFn: () => getConversation(id),
    staleTime: 60_000,
  });
  const guest = useQuery({ queryKey: ["guest", guestId], queryFn: () => getGuest(guestId), staleTime: 60_000, retry: false });
  const stay = guest.data?.stays.find((each) => each.id === conversation.stay_id) ?? null;
  const phone = details.data?.data.guest_phone ?? guest.data?.phone ?? null;
  return (
    <>
      <StayFacts
        room={conversation.room_number}
        hasStay={conversation.stay_id !== null}
        checkIn={details.data?.data.check_in ?? null}
        checkOut={details.data?.data.check_out ?? null}
        stay={stay}
      >
        {guest.data !== undefined && (
          <LinkStay
            conversationId={id}
            guestId={guestId}
            stays={guest.data.stays}
            stay={stay}
            hasStay={conversation.stay_id !== null}
          />
        )}
      </StayFacts>
      <section className={styles["section"]}>
        <h3 className={styles["heading"]}>
          <Bidi>{conversation.guest_name}</Bidi>
        </h3>
        {phone !== null && (
          <p className={styles["line"]}>
            <Phone size={16} aria-hidden />
            <a href={`tel:${phone}`} className={styles["phone"]} dir="ltr">
              {phone}
            </a>
          </p>
        )}
        {guest.data?.language && <SpokenLanguage tag={guest.data.language} />}
        {labels.length > 0 && (
          <p className={styles["labels"]} aria-label={t("guest.labels")}>
            {labels.map((label) => (
              <span key={label.id} className={styles["label"]}>
                <LabelDot colour={label.colour} />
                <Bidi>{label.name}</Bidi>
              </span>
            ))}
          </p>
        )}
      </section>
      {guest.data && <GuestNote guest={guest.data} />}
      {guest.data && <OtherStays stays={guest.data.stays.filter((other) => other.id !== conversation.stay_id)} />}
      <History conversationId={id} />
    </>
  );
}

function SpokenLanguage({ tag }: { tag: string }) {
  const t = useT();
  const names = new Intl.DisplayNames(document.documentElement.lang, { type: "language", fallback: "code" });
  let language = tag;
  try {
    language = names.of(tag) ?? tag;
  } catch {
    // The browser does not know the language tag: show it unchanged.
  }
  return <p className={styles["line"]}>{t("guest.speaks", { language })}</p>;
}
