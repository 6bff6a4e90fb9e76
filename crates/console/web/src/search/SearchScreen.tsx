import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { searchMessages } from "../api/calls";
import type { SearchHit } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { Framed } from "../records/Framed";
import { ListState } from "../records/ListState";
import { Page } from "../records/Page";
import { Pager } from "../records/Pager";
import { SearchField } from "../records/SearchField";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Select } from "../ui/Select";
import { Strip } from "../ui/Strip";
import { TextField } from "../ui/TextField";
import { formatDate, formatTime } from "../ui/time";
import { useFullTime } from "../ui/useFullTime";
import { Excerpt } from "./Excerpt";
import { hitPath } from "./hit-path";
import styles from "./search.module.css";

const SENDERS = ["guest", "staff", "system"] as const;
type Sender = (typeof SENDERS)[number];

const PAGE_SIZE = 25;
/** The most messages that the server finds. */
const MOST = 1000;
/** Debounce of the fields in milliseconds. */
const DEBOUNCE = 250;

/** The search for messages. Words and filters are in the URL, so that a search can be reloaded and shared. */
export default function SearchScreen() {
  const t = useT();
  const [place, setPlace] = usePlace();
  const [typed, setTyped] = useState(place);
  const [shown, setShown] = useState(place);
  const isOffline = useOffline();

  // The URL was changed by a link or by the Back button.
  if (!isSame(shown, place)) {
    setShown(place);
    setTyped(place);
  }

  useEffect(() => {
    if (isSame(typed, place)) return;
    const timer = setTimeout(() => setPlace({ ...typed, page: 1 }), DEBOUNCE);
    return () => clearTimeout(timer);
  }, [typed, place, setPlace]);

  const query = useSearch(place);
  const { count = 0, indexing = false, results = [] } = query.data ?? {};
  const isAsked = place.q.trim() !== "";
  return (
    <Page title={t("search.title")}>
      <SearchField label={t("search.field")} value={typed.q} onChange={(q) => setTyped({ ...typed, q })} />
      <div className={styles["filters"]}>
        <Select
          label={t("search.sender")}
          options={[{ id: "", name: t("search.sender.any") }, ...SENDERS.map((id) => ({ id, name: t(`search.sender.${id}`) }))]}
          value={typed.sender}
          onChange={(id) => setTyped({ ...typed, sender: SENDERS.find((each) => each === id) ?? "" })}
        />
        <TextField label={t("search.room")} value={typed.room} onChange={(room) => setTyped({ ...typed, room })} autoCapitalize="none" />
        <TextField label={t("search.from")} type="date" value={typed.from} onChange={(from) => setTyped({ ...typed, from })} />
        <TextField label={t("search.to")} type="date" value={typed.to} onChange={(to) => setTyped({ ...typed, to })} />
      </div>
      {!isAsked && <p className={styles["status"]}>{t("search.hint")}</p>}
      {isAsked && isOffline && query.data === undefined && <p className={styles["status"]}>{t("records.list_needs_connection")}</p>}
      {isAsked && !(isOffline && query.data === undefined) && (
        <ListState query={query} isEmpty={results.length === 0} empty={<p>{t("search.none")}</p>}>
          <p className={styles["status"]} role="status">
            {t(count >= MOST ? "search.count_most" : "search.count", { count })}
          </p>
          <ol className={styles["hits"]}>
            {results.map((hit) => (
              <Hit key={hit.message.id} hit={hit} />
            ))}
          </ol>
          <Pager page={place.page} pages={Math.ceil(count / PAGE_SIZE)} onPage={(page) => setPlace({ ...place, page })} />
        </ListState>
      )}
      {isAsked && indexing && (
        <Framed>
          <Strip tone="calm" role="status">
            {t("search.indexing")}
          </Strip>
        </Framed>
      )}
    </Page>
  );
}

function Hit({ hit }: { hit: SearchHit }) {
  const t = useT();
  const { locale } = useLanguage();
  const me = useStore((state) => state.me);
  const zone = useStore((state) => state.directory.hotel.timezone);
  const conversation = useStore((state) => state.conversations.get(hit.conversation_id));
  const fullTime = useFullTime(zone);
  const { timestamp, sender_type: sender, sender_id: author, sender_name: name } = hit.message;
  const ownName = author === me.id ? t("thread.you") : name;
  return (
    <li>
      <Link href={hitPath(hit, conversation, me)} className={styles["hit"] ?? ""}>
        <Bidi className={styles["room"]}>{hit.room_number ?? "–"}</Bidi>
        <Bidi className={styles["name"]}>{hit.guest_name}</Bidi>
        <time className={styles["time"]} dateTime={timestamp} title={fullTime(timestamp)}>
          <bdi>{`${formatDate(timestamp, { locale, zone })}, ${formatTime(timestamp, { locale, zone })}`}</bdi>
        </time>
        <span className={styles["text"]}>
          {sender !== "guest" && (
            <span className={styles["author"]}>
              <bdi>{sender === "system" ? t("thread.assistant") : ownName}</bdi>:{" "}
            </span>
          )}
          <Excerpt excerpt={hit.excerpt} />
        </span>
      </Link>
    </li>
  );
}

interface Place {
  readonly q: string;
  readonly sender: Sender | "";
  readonly room: string;
  readonly from: string;
  readonly to: string;
  readonly page: number;
}

function useSearch({ q, sender, room, from, to, page }: Place) {
  const words = q.trim();
  return useQuery({
    queryKey: ["search", words, sender, room.trim(), from, to, page],
    queryFn: ({ signal }) =>
      searchMessages(
        {
          q: words,
          page,
          page_size: PAGE_SIZE,
          ...(sender !== "" && { sender_type: sender }),
          ...(room.trim() !== "" && { room: room.trim() }),
          ...(from !== "" && { from }),
          ...(to !== "" && { to }),
        },
        signal,
      ),
    enabled: words !== "",
    placeholderData: keepPreviousData,
  });
}

function usePlace(): [Place, (place: Place) => void] {
  const [parameters, setParameters] = useSearchParams();
  const text = (name: string) => parameters.get(name) ?? "";
  const place: Place = {
    q: text("q"),
    sender: SENDERS.find((each) => each === text("sender")) ?? "",
    room: text("room"),
    from: text("from"),
    to: text("to"),
    page: Math.max(1, Math.trunc(Number(parameters.get("page") ?? 1)) || 1),
  };
  function setPlace(next: Place) {
    const given = Object.entries(next).filter(([name, value]) => (name === "page" ? next.page > 1 : value !== ""));
    setParameters(Object.fromEntries(given.map(([name, value]) => [name, String(value)])), { replace: next.page === place.page });
  }
  return [place, setPlace];
}

function isSame(one: Place, other: Place): boolean {
  return (Object.keys(one) as (keyof Place)[]).every((name) => name === "page" || one[name] === other[name]);
}
