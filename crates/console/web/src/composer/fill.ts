import type { Conversation } from "../api/types";
import { store } from "../store/store";
import { fillKnown } from "./canned";

/** Fills in the values that the console has about a guest; the server's `render_template` fills in more. */
export function fillForGuest(text: string, conversation: Conversation): string {
  const { me, directory } = store.getState();
  return fillKnown(text, {
    guest_name: conversation.guest_name,
    room_number: conversation.room_number,
    hotel_name: directory.hotel.name,
    staff_name: me.name,
    department_name: conversation.department_name,
  });
}
