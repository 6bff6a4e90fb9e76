import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { history } from "../api/calls";
import type { HistoryEntry } from "../api/types";
import { useLanguage, useT, type MessageKey, type Translate } from "../i18n/i18n";
import { listenToEvents } from "../live/sync";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { formatRowTime } from "../ui/time";
import { useFullTime } from "../ui/useFullTime";
import { useMinute } from "../ui/useMinute";
import styles from "./GuestCard.module.css";

const SHORT = 5;

/** The history of the conversation: transfers, assignments and the like, newest first. */
export function History({ conversationId: id }: { conversationId: number }) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const fullTime = useFullTime(zone);
  const queries = useQueryClient();
  const [isWhole, setWhole] = useState(false);
  const { data } = useQuery({ queryKey: ["history", id], queryFn: () => history(id), retry: false });

  useEffect(
    () =>
      listenToEvents((event) => {
        if (event.type === "history_added" && event.conversation_id === id) {
          void queries.invalidateQueries({ queryKey: ["history", id] });
        }
      }),
    [id, queries],
  );

  if (data === undefined || data.results.length === 0) return null;
  const entries = isWhole ? data.results : data.results.slice(0, SHORT);
  return (
    <section className={styles["section"]}>
      <h3 className={styles["heading"]}>{t("guest.history")}</h3>
      <ol className={styles["list"]}>
        {entries.map((entry) => (
          <li key={entry.id} className={styles["entry"]}>
            <time dateTime={entry.at} title={fullTime(entry.at)}>
              {formatRowTime(entry.at, now, { locale, zone })}
            </time>
            <p>
              <Bidi>{wordsOf(entry, t)}</Bidi>
              {entry.note && (
                <span className={styles["muted"]} dir="auto">
                  {" "}
                  {entry.note}
                </span>
              )}
            </p>
          </li>
        ))}
      </ol>
      {data.results.length > SHORT && (
        <div className={styles["actions"]}>
          <Button small onPress={() => setWhole(!isWhole)}>
            {t(isWhole ? "guest.history_less" : "guest.history_all")}
          </Button>
        </div>
      )}
    </section>
  );
}

const WORDS: Record<string, MessageKey> = {
  routed: "guest.event.routed",
  transferred: "guest.event.transferred",
  assigned: "guest.event.assigned",
  relay_ended: "guest.event.relay_ended",
  closed: "guest.event.closed",
  reopened: "guest.event.reopened",
  snoozed: "guest.event.snoozed",
  handled: "guest.event.handled",
  linked: "guest.event.linked",
  unlinked: "guest.event.unlinked",
  checked_in: "guest.event.checked_in",
  checked_out: "guest.event.checked_out",
  request_created: "guest.event.request_created",
  request_done: "guest.event.request_done",
};

function wordsOf({ kind, to, by }: HistoryEntry, t: Translate): string {
  if (kind === "assigned" && to !== null && to.id === by?.id) return t("guest.event.taken", { to: to.name });
  const key = kind === "assigned" && to === null ? "guest.event.unassigned" : WORDS[kind];
  // An unknown kind of a newer server is shown by its name.
  const what = key === undefined ? kind : t(key, { to: to?.name ?? "" });
  return by === null ? what : t("guest.by", { what, name: by.name });
}
