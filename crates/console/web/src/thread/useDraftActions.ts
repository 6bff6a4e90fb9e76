import { useDraft } from "../drafts/drafts";
import { focusAfterMenu, focusOn } from "../ui/focus";

/** Returns the actions of the thread on the composer box of its conversation. */
export function useDraftActions(conversationId: number) {
  const draft = useDraft(conversationId);
  return {
    /** Puts a text back into the box, above newer text. */
    editText(text: string, internal = false) {
      draft.putBack(text, internal);
      focusOn("composer");
    },
    replyTo(messageId: number) {
      draft.setInternal(false);
      draft.setReplyTo(messageId);
      focusAfterMenu("composer");
    },
  };
}
