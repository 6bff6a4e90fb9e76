import { useT, type MessageKey } from "../i18n/i18n";

/** The actions of the audit that the console has words for, by their subject. */
export const ACTIONS = [
  "transferred",
  "assigned",
  "closed",
  "reopened",
  "handled",
  "snoozed",
  "unsnoozed",
  "linked",
  "unlinked",
  "labels_changed",
  "conversation_created",
  "message_changed",
  "message_retried",
  "message_taken_back",
  "reaction_changed",
  "message_scheduled",
  "scheduled_changed",
  "scheduled_cancelled",
  "stay_created",
  "stay_changed",
  "stay_status_changed",
  "guest_changed",
  "staff_created",
  "staff_changed",
  "password_set",
  "password_changed",
  "sign_in",
  "sign_in_failed",
  "current_password_failed",
  "new_device",
  "sessions_ended",
  "department_created",
  "department_changed",
  "template_created",
  "template_changed",
  "template_deleted",
  "templates_synced",
  "label_created",
  "label_changed",
  "label_deleted",
  "hotel_created",
  "hotel_changed",
  "api_key_created",
  "api_key_revoked",
  "parked_retried",
  "epoch_begun",
] as const satisfies readonly ActionWord[];

type ActionWord = Extract<MessageKey, `audit.action.${string}`> extends `audit.action.${infer Word}` ? Word : never;

/** Returns the function that puts an action into words; an action of a later server is shown as it is. */
export function useActionName(): (action: string) => string {
  const t = useT();
  return (action) => {
    const known = ACTIONS.find((each) => each === action);
    return known === undefined ? action.replaceAll("_", " ") : t(`audit.action.${known}`);
  };
}
