import { ApiError } from "../api/problem";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { assignConversation, takeConversation, transferConversation } from "../live/actions";
import { defaultDepartmentOf } from "../store/departments";
import { useStore } from "../store/store";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/**
 * Returns the action "Take it". An unrouted conversation is first transferred to the person's own department. A
 * conversation whose owner is on screen changes its owner; one that a colleague has taken meanwhile does not.
 */
export function useTake(): (conversation: Conversation) => Promise<void> {
  const t = useT();
  const ownDepartment = useStore(({ me, directory }) => me.departments[0]?.id ?? defaultDepartmentOf(directory.hotel, directory.departments));
  const myId = useStore((state) => state.me.id);
  return async (conversation) => {
    try {
      if (conversation.status !== "relay" && ownDepartment !== null) {
        await transferConversation(conversation.id, ownDepartment);
      }
      const owner = conversation.assigned_to;
      if (owner === null || owner.id === myId) await takeConversation(conversation.id);
      else await assignConversation(conversation.id, myId);
    } catch (error) {
      const holder = error instanceof ApiError && error.problem.code === "already_assigned" ? error.problem.assigned_to : null;
      showToast({ text: holder ? t("thread.already_assigned", { name: holder.name }) : sentenceOf(error, t) });
    }
  };
}
