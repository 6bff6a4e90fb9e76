import type {
  Conversation,
  Department,
  Draft,
  Hotel,
  IdAndName,
  Inbox,
  Label,
  Me,
  Message,
  Problem,
  Settings,
  SocketEvent,
  StaffEntry,
} from "../api/types";
import type { QueuedMessage } from "../offline-queue/entry";
import type { Connection, Cursor } from "./state";

/** Everything that changes the live state. Times are milliseconds since 1970. */
export type Action =
  /** Another person, or nobody (null): nothing of the former one stays. */
  | { readonly type: "person"; readonly me: Me | null }
  /** The same person, with other departments or another role. */
  | { readonly type: "me"; readonly me: Me }
  | { readonly type: "inbox"; readonly inbox: Inbox; readonly cursor: Cursor }
  | { readonly type: "inbox_refused"; readonly problem: Problem }
  | { readonly type: "event"; readonly event: SocketEvent; readonly at: number }
  | { readonly type: "connection"; readonly connection: Connection }
  /** Conversations of a REST response; `seq` is the one of its header, null if it has none. */
  | { readonly type: "conversations"; readonly conversations: readonly Conversation[]; readonly seq: number | null }
  /** Shown at once, before the server has answered. */
  | { readonly type: "conversation_changed"; readonly id: number; readonly change: Partial<Conversation> }
  /** Not visible, says the server. */
  | { readonly type: "conversation_gone"; readonly id: number }
  /** The thread is opened, or fetched in advance. */
  | { readonly type: "thread_loading"; readonly id: number }
  /** The reader turns away: what comes now is new. */
  | { readonly type: "thread_left"; readonly id: number }
  | { readonly type: "thread_failed"; readonly id: number }
  | { readonly type: "thread_trimmed"; readonly id: number; readonly keep: number }
  | { readonly type: "thread_dropped"; readonly id: number }
  | { readonly type: "messages"; readonly page: MessagesPage }
  /** The response of a send or a change of one message. */
  | { readonly type: "message"; readonly message: Message; readonly ref?: string }
  | { readonly type: "read"; readonly id: number; readonly messageId: number }
  /** Unread from this message on. */
  | { readonly type: "unread"; readonly id: number; readonly messageId: number }
  /** Who views a conversation when this tab subscribes to it. */
  | { readonly type: "viewers"; readonly id: number; readonly viewers: readonly IdAndName[]; readonly at: number }
  | { readonly type: "presence_expired"; readonly now: number }
  | { readonly type: "directory"; readonly part: DirectoryUpdate }
  | { readonly type: "settings"; readonly settings: Settings }
  | { readonly type: "draft"; readonly id: number; readonly draft: Draft | null }
  | { readonly type: "queued"; readonly entries: readonly QueuedMessage[] }
  | { readonly type: "queue_entry"; readonly entry: QueuedMessage }
  | { readonly type: "queue_entry_removed"; readonly ref: string };

export type DirectoryUpdate =
  | { readonly departments: readonly Department[] }
  | { readonly staff: readonly StaffEntry[] }
  | { readonly labels: readonly Label[] }
  | { readonly hotel: Hotel };

/** Consecutive messages of one conversation, as the server has them at `seq`. */
export interface MessagesPage {
  readonly id: number;
  readonly messages: readonly Message[];
  readonly seq: number | null;
  /**
   * `newest`: the end of the thread; what was loaded before stays if it touches the page. `older` and `newer`
   * continue the loaded part; `window` replaces it (a jump).
   */
  readonly position: "newest" | "older" | "newer" | "window";
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}
