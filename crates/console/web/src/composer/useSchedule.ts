import type { Conversation } from "../api/types";
import { noteDraftCleared, type DraftBox } from "../drafts/drafts";
import { useLanguage, useT } from "../i18n/i18n";
import { schedule } from "../live/scheduled";
import { store } from "../store/store";
import { sentenceOf } from "../ui/failure";
import { missingNames } from "./canned";
import { useStagedFiles } from "./staged-files";

const MOST_CHARACTERS = 4096;

interface ScheduleInput {
  id: number;
  draft: DraftBox;
  conversation: Conversation | undefined;
  onProblem: (sentence: string | null) => void;
}

/** Returns functions that check the text in the box, and schedule it. A text that is refused stays in the box. */
export function useSchedule({ id, draft, conversation, onProblem }: ScheduleInput) {
  const t = useT();
  const { locale } = useLanguage();
  const files = useStagedFiles(id);

  /** Returns whether the text can be scheduled; otherwise the problem is shown. */
  function check(): boolean {
    const problem = problemOf();
    onProblem(problem);
    return problem === null;
  }

  function problemOf(): string | null {
    const text = draft.text.trim();
    const over = [...text].length - MOST_CHARACTERS;
    const missing = missingNames(text);
    if (files.length > 0) return t("later.no_files");
    if (text === "") return t("later.no_text");
    if (over > 0) return t("composer.too_long", { count: over });
    if (missing.length > 0) return t("composer.missing", { names: new Intl.ListFormat(locale).format(missing) });
    return conversation?.status === "closed" ? t("composer.closed") : null;
  }

  async function sendAt(at: number): Promise<void> {
    if (!check()) return;
    const { text, replyTo } = draft;
    const { directory, threads } = store.getState();
    const seen = threads.get(id)?.ids.at(-1);
    // If the window is over by then, the text waits as any other text would.
    const hold = directory.hotel.whatsapp_phone_number_id !== null && directory.hotel.opener_template_id !== null;
    draft.clear();
    try {
      await schedule(id, text.trim(), {
        send_at: new Date(at).toISOString(),
        ...(hold && { hold }),
        ...(replyTo !== null && { reply_to: replyTo }),
        ...(seen !== undefined && { seen_message_id: seen }),
      });
      noteDraftCleared(id);
    } catch (error) {
      draft.putBack(text, false);
      draft.setReplyTo(replyTo);
      onProblem(sentenceOf(error, t));
    }
  }

  return { check, sendAt };
}
