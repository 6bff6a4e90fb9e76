import { MessageSquareText, Search } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Dialog } from "react-aria-components/Dialog";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { useLocation } from "wouter";

import type { Conversation, SearchHit } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { Bidi, isolate } from "../ui/Bidi";
import { sentenceOf } from "../ui/failure";
import { isComposing, isKey, keyNames } from "../ui/keys";
import { formatRowTime } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import { commandsFor, run, type Command } from "./commands";
import { Excerpt } from "./Excerpt";
import { conversationPath, hitPath } from "./hit-path";
import { hasWords, matchConversations, wordsOf } from "./match";
import styles from "./palette.module.css";
import { usePaletteMessages } from "./usePaletteMessages";

const MOST_CONVERSATIONS = 6;

interface PaletteProps {
  /** The open conversation. */
  openId: number | null;
  /** Conversations that were opened last, the last one first. */
  recent: readonly number[];
  onClose: () => void;
}

type Group = "recent" | "conversations" | "messages" | "commands";

interface Entry {
  readonly id: string;
  readonly group: Group;
  readonly content: ReactNode;
  readonly choose: () => void;
}

/** The palette: rooms and guests that are loaded, messages of the server, and commands with their keys. */
export default function Palette({ openId, recent, onClose }: PaletteProps) {
  const t = useT();
  const listId = useId();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const isOffline = useOffline();
  const messages = usePaletteMessages(text, isOffline);
  const entries = useEntries({ text, openId, recent, messages: messages.hits, count: messages.count, onClose });
  const current = Math.min(active, entries.length - 1);
  const listRef = useRef<HTMLDivElement>(null);
  const isEmpty = entries.length === 0 && !messages.isSearching;

  useEffect(() => {
    listRef.current?.querySelector(`[data-entry="${current}"]`)?.scrollIntoView({ block: "nearest" });
  }, [current]);

  function handleKey(event: KeyboardEvent) {
    if (isComposing(event.nativeEvent)) return;
    if (event.key === "ArrowDown") setActive((current + 1) % Math.max(1, entries.length));
    else if (event.key === "ArrowUp") setActive((current - 1 + entries.length) % Math.max(1, entries.length));
    else if (event.key === "Enter") entries[current]?.choose();
    else if (isKey(event.nativeEvent, "search")) onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <ModalOverlay className={styles["overlay"] ?? ""} isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className={styles["modal"] ?? ""}>
        <Dialog className={styles["dialog"] ?? ""} aria-label={t("keys.search")} data-modal="">
          <div className={styles["head"]}>
            <Search size={20} aria-hidden />
            {/* The palette is opened to type into this field. */}
            <input
              // oxlint-disable-next-line jsx-a11y/no-autofocus
              autoFocus
              className={styles["input"]}
              type="text"
              enterKeyHint="go"
              autoComplete="off"
              spellCheck={false}
              dir="auto"
              role="combobox"
              aria-expanded={entries.length > 0}
              aria-controls={listId}
              aria-autocomplete="list"
              aria-activedescendant={entries.length > 0 ? `${listId}-${current}` : undefined}
              aria-label={t("search.palette_field")}
              placeholder={t("search.palette_field")}
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                setActive(0);
              }}
              onKeyDown={handleKey}
            />
            <kbd className={styles["key"]}>Esc</kbd>
          </div>
          {isOffline && (
            <p className={styles["line"]} role="status">
              {t("search.offline")}
            </p>
          )}
          {messages.error !== null && (
            <p className={styles["line"]} role="alert">
              {sentenceOf(messages.error, t)}
            </p>
          )}
          <div ref={listRef} id={listId} className={styles["list"]} role="listbox" aria-label={t("search.title")}>
            {groupsOf(entries).map(({ group, from, of }) => (
              <div key={group} role="group" aria-labelledby={`${listId}-${group}`}>
                <div id={`${listId}-${group}`} className={styles["group"]} role="presentation">
                  {t(`search.${group}`)}
                </div>
                {of.map((entry, at) => (
                  // The field has the focus and handles the keys.
                  // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
                  <div
                    key={entry.id}
                    id={`${listId}-${from + at}`}
                    data-entry={from + at}
                    role="option"
                    aria-selected={from + at === current}
                    className={styles["entry"]}
                    onPointerMove={() => setActive(from + at)}
                    onPointerDown={(event) => event.preventDefault()}
                    onClick={entry.choose}
                  >
                    {entry.content}
                  </div>
                ))}
              </div>
            ))}
          </div>
          {messages.isSearching && <p className={styles["line"]}>{t("search.searching")}</p>}
          {isEmpty && <p className={styles["line"]}>{t("search.nothing")}</p>}
          <VisuallyHidden>
            <span role="status">{messages.isSearching ? "" : t("search.entries", { count: entries.length })}</span>
          </VisuallyHidden>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

interface EntriesInput {
  text: string;
  openId: number | null;
  recent: readonly number[];
  messages: readonly SearchHit[];
  count: number;
  onClose: () => void;
}

function useEntries({ text, openId, recent, messages, count, onClose }: EntriesInput): readonly Entry[] {
  const t = useT();
  const [, navigate] = useLocation();
  const conversations = useStore((state) => state.conversations);
  const me = useStore((state) => state.me);
  const words = useMemo(() => wordsOf(text), [text]);
  const loaded = useMemo(
    () =>
      words.length === 0
        ? recent.flatMap((id) => conversations.get(id) ?? [])
        : matchConversations(conversations.values(), text, MOST_CONVERSATIONS),
    [conversations, recent, text, words],
  );

  function go(href: string) {
    onClose();
    navigate(href);
  }

  const ofConversations = loaded.map((conversation): Entry => ({
    id: `conversation-${conversation.id}`,
    group: words.length === 0 ? "recent" : "conversations",
    content: <ConversationEntry conversation={conversation} />,
    choose: () => go(conversationPath(conversation, me)),
  }));
  const ofMessages = messages.map((hit): Entry => ({
    id: `message-${hit.message.id}`,
    group: "messages",
    content: <MessageEntry hit={hit} />,
    choose: () => go(hitPath(hit, conversations.get(hit.conversation_id), me)),
  }));
  if (count > messages.length) {
    ofMessages.push({
      id: "all",
      group: "messages",
      content: <AllEntry text={text.trim()} />,
      choose: () => go(`/search?${new URLSearchParams({ q: text.trim() })}`),
    });
  }
  const commands = text.trim().startsWith("/")
    ? []
    : commandsFor({ isOpen: openId !== null, isManager: me.role === "manager" }).filter(({ label }) => hasWords(t(label), words));
  const ofCommands = commands.map((command): Entry => ({
    id: `command-${command.id}`,
    group: "commands",
    content: <CommandEntry command={command} />,
    choose: () => {
      onClose();
      run(command, navigate);
    },
  }));
  return [...ofConversations, ...ofMessages, ...ofCommands];
}

function groupsOf(entries: readonly Entry[]): { group: Group; from: number; of: Entry[] }[] {
  const groups: { group: Group; from: number; of: Entry[] }[] = [];
  for (const [at, entry] of entries.entries()) {
    const last = groups.at(-1);
    if (last?.group === entry.group) last.of.push(entry);
    else groups.push({ group: entry.group, from: at, of: [entry] });
  }
  return groups;
}

function ConversationEntry({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const { room_number: room, guest_name: guest, last_message: last, status } = conversation;
  return (
    <>
      <Bidi className={styles["room"]}>{room ?? "–"}</Bidi>
      <span className={styles["words"]}>
        <Bidi className={styles["name"]}>{guest}</Bidi>
        <Bidi className={styles["second"]}>{last?.content ?? ""}</Bidi>
      </span>
      {status === "closed" && <span className={styles["aside"]}>{t("frame.queue.done")}</span>}
    </>
  );
}

function MessageEntry({ hit }: { hit: SearchHit }) {
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const now = useMinute();
  return (
    <>
      <Bidi className={styles["room"]}>{hit.room_number ?? "–"}</Bidi>
      <span className={styles["words"]}>
        <Bidi className={styles["name"]}>{hit.guest_name}</Bidi>
        <span className={styles["second"]}>
          <Excerpt excerpt={hit.excerpt} />
        </span>
      </span>
      <Bidi className={styles["aside"]}>{formatRowTime(hit.message.timestamp, now, { locale, zone })}</Bidi>
    </>
  );
}

function AllEntry({ text }: { text: string }) {
  const t = useT();
  return (
    <>
      <span className={styles["icon"]}>
        <MessageSquareText size={18} aria-hidden />
      </span>
      <span className={styles["words"]}>{t("search.all", { words: isolate(text) })}</span>
    </>
  );
}

function CommandEntry({ command }: { command: Command }) {
  const t = useT();
  return (
    <>
      <span className={styles["words"]}>{t(command.label)}</span>
      {command.key !== undefined && (
        <kbd className={styles["key"]} dir="ltr">
          {keyNames(command.key)[0]}
        </kbd>
      )}
    </>
  );
}
