import { useQuery } from "@tanstack/react-query";
import { Zap } from "lucide-react";
import { useMemo, useState, type KeyboardEvent, type RefObject } from "react";

import { renderTemplate } from "../api/calls";
import { listTemplates } from "../api/hotel-calls";
import type { Conversation, Template } from "../api/types";
import type { DraftBox } from "../drafts/drafts";
import { useT } from "../i18n/i18n";
import { IconButton } from "../ui/IconButton";
import { isComposing } from "../ui/keys";
import { findQuery, matchTemplates, type CannedQuery } from "./canned";
import styles from "./Composer.module.css";
import { fillForGuest } from "./fill";

interface CannedInput {
  conversation: Conversation | undefined;
  draft: DraftBox;
  textRef: RefObject<HTMLTextAreaElement | null>;
}

/** Canned replies: typing `/` at the start of a line lists the matching templates, Enter inserts one. */
export function useCanned({ conversation, draft, textRef }: CannedInput) {
  const [query, setQuery] = useState<CannedQuery | null>(null);
  const [active, setActive] = useState(0);
  const { data: templates } = useQuery({
    queryKey: ["templates"],
    queryFn: () => listTemplates(),
    enabled: query !== null,
    staleTime: 60_000,
  });
  const department = conversation?.department_id ?? null;
  const matches = useMemo(
    () => (query && templates ? matchTemplates(templates, query.words, department) : []),
    [query, templates, department],
  );
  const isOpen = query !== null;

  async function insert(template: Template) {
    if (query === null || conversation === undefined) return;
    const { start, end } = query;
    setQuery(null);
    const text = await render(template, conversation);
    const box = textRef.current;
    if (box === null) return;
    const before = box.value.slice(0, start);
    draft.setText(before + text + box.value.slice(end));
    box.focus();
    requestAnimationFrame(() => box.setSelectionRange(before.length + text.length, before.length + text.length));
  }

  return {
    query,
    matches,
    active,
    insert,
    close: () => setQuery(null),
    /** Updates the query. Call after each change of the text or the caret. */
    look(box: HTMLTextAreaElement) {
      const found = draft.internal ? null : findQuery(box.value, box.selectionStart);
      if (found?.words !== query?.words) setActive(0);
      setQuery((before) => (isSame(before, found) ? before : found));
    },
    /** Opens the list with the button, as typing `/` on a new line does. */
    open() {
      const box = textRef.current;
      if (box === null) return;
      const text = draft.text === "" || draft.text.endsWith("\n") ? `${draft.text}/` : `${draft.text}\n/`;
      draft.setText(text);
      box.focus();
      requestAnimationFrame(() => {
        box.setSelectionRange(text.length, text.length);
        setQuery(findQuery(text, text.length));
      });
    },
    activeId: (listId: string) => (isOpen && matches.length > 0 ? `${listId}-${active}` : undefined),
    /** Returns `true` if the list has handled the key. */
    handleKey(event: KeyboardEvent): boolean {
      if (!isOpen || isComposing(event.nativeEvent)) return false;
      const chosen = matches[active];
      if (event.key === "Escape") setQuery(null);
      else if (event.key === "ArrowDown") setActive((active + 1) % Math.max(1, matches.length));
      else if (event.key === "ArrowUp") setActive((active - 1 + matches.length) % Math.max(1, matches.length));
      else if ((event.key === "Enter" || event.key === "Tab") && chosen) void insert(chosen);
      else return false;
      event.preventDefault();
      return true;
    },
  };
}

export type Canned = ReturnType<typeof useCanned>;

export function CannedButton({ canned }: { canned: Canned }) {
  const t = useT();
  return (
    <IconButton
      label={t("composer.canned")}
      action="cannedReplies"
      icon={<Zap size={18} aria-hidden />}
      onPress={() => canned.open()}
    />
  );
}

/** The list of canned replies above the box. The focus stays in the box. */
export function CannedList({ canned, id }: { canned: Canned; id: string }) {
  const t = useT();
  if (canned.matches.length === 0) {
    return (
      <div id={id} className={styles["canned"]}>
        <p className={styles["cannedEmpty"]} role="status">
          {t("composer.canned_empty")}
        </p>
      </div>
    );
  }
  return (
    <div id={id} className={styles["canned"]} role="listbox" aria-label={t("composer.canned")}>
      {canned.matches.map((template, at) => (
        // The box has the focus and handles the keys.
        // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
        <div
          key={template.id}
          id={`${id}-${at}`}
          role="option"
          aria-selected={at === canned.active}
          className={styles["cannedItem"]}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => void canned.insert(template)}
        >
          <strong>
            <bdi>{template.shortcut ? `/${template.shortcut}` : template.name}</bdi>
          </strong>
          <span dir="auto">{template.content}</span>
        </div>
      ))}
    </div>
  );
}

async function render(template: Template, conversation: Conversation): Promise<string> {
  try {
    return (await renderTemplate(conversation.id, template.id, {})).text;
  } catch {
    // Offline, the console fills in the values that it has. Placeholders that remain block Send with a message.
    return fillForGuest(template.content, conversation);
  }
}

function isSame(a: CannedQuery | null, b: CannedQuery | null): boolean {
  return a?.start === b?.start && a?.end === b?.end && a?.words === b?.words;
}
