import type { Conversation } from "../api/types";
import type { DraftBox } from "../drafts/drafts";
import { useLanguage, useT } from "../i18n/i18n";
import { send } from "../offline-queue/queue";
import { store } from "../store/store";
import { missingNames } from "./canned";
import { clearFiles, useStagedFiles } from "./staged-files";
import type { WindowState } from "./window";

const MOST_CHARACTERS = 4096;
/** WhatsApp's limit for the caption of a file. */
const MOST_CAPTION = 1024;

interface SendInput {
  id: number;
  draft: DraftBox;
  conversation: Conversation | undefined;
  windowState: WindowState;
  onProblem: (sentence: string | null) => void;
}

/** Returns the function that sends the content of the box. Content that cannot be sent stays there, with an error. */
export function useSend({ id, draft, conversation, windowState, onProblem }: SendInput) {
  const t = useT();
  const { locale } = useLanguage();
  const files = useStagedFiles(id);

  return ({ hold = false }: { hold?: boolean } = {}) => {
    const text = draft.text.trim();
    const name = conversation?.guest_name ?? "";
    const seenMessageId = store.getState().threads.get(id)?.ids.at(-1) ?? null;
    onProblem(null);
    const over = [...text].length - MOST_CHARACTERS;
    if (over > 0) return onProblem(t("composer.too_long", { count: over }));

    if (draft.internal) {
      if (text === "") return files.length > 0 ? onProblem(t("composer.file_note")) : undefined;
      draft.clear();
      send(id, { kind: "note", text }, { seenMessageId, clearsDraft: true });
      return;
    }
    if (text === "" && files.length === 0) return;
    const missing = missingNames(text);
    if (missing.length > 0) {
      return onProblem(t("composer.missing", { names: new Intl.ListFormat(locale).format(missing) }));
    }
    // The text stays; the strips above the box show the possible actions.
    if (conversation?.status === "closed") return;
    if (windowState.kind === "closed") {
      if (files.length > 0) return onProblem(t("composer.file_window", { name }));
      if (!hold) return;
    }
    const options = { seenMessageId, replyTo: draft.replyTo, clearsDraft: true };
    draft.clear();
    if (files.length === 0) {
      send(id, { kind: "text", text }, { ...options, hold });
      return;
    }
    clearFiles(id);
    const isCaption = [...text].length <= MOST_CAPTION;
    if (!isCaption) send(id, { kind: "text", text }, options);
    files.forEach((file, at) => {
      const caption = at === 0 && isCaption ? text : "";
      send(id, { kind: "file", file, name: file.name, text: caption }, at === 0 && isCaption ? options : { seenMessageId });
    });
  };
}
