import { ApiError } from "../api/problem";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { takeConversation, transferConversation } from "../live/actions";
import { useStore } from "../store/store";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/** Returns the action "Take it". An unrouted conversation is first transferred to the person's own department. */
export function useTake(): (conversation: Conversation) => Promise<void> {
  const t = useT();
  const ownDepartment = useStore((state) => state.me.departments[0]?.id ?? state.directory.hotel.default_department_id);
  return async (conversation) => {
    try {
      if (conversation.status !== "relay" && ownDepartment !== null) {
        await transferConversation(conversation.id, ownDepartment);
      }
      await takeConversation(conversation.id);
    } catch (error) {
      const holder = error instanceof ApiError && error.problem.code === "already_assigned" ? error.problem.assigned_to : null;
      showToast({ text: holder ? t("thread.already_assigned", { name: holder.name }) : sentenceOf(error, t) });
    }
  };
}
