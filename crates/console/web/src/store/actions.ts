import type {
  Conversation,
  Department,
  Draft,
  Hotel,
  IdAndName,
  Inbox,
  InboxCounts,
  Label,
  Me,
  Message,
  Problem,
  Scheduled,
  Settings,
  SocketEvent,
  StaffEntry,
} from "../api/types";
import type { QueuedMessage } from "../offline-queue/entry";
import type { Connection, Cursor } from "./state";

/** The actions that change the live state. Times are milliseconds since 1970. */
export type Action =
  /** Sign-in of another staff member, or sign-out (null). Resets the whole state. */
  | { readonly type: "person"; readonly me: Me | null }
  /** The same staff member with changed departments or role. */
  | { readonly type: "me"; readonly me: Me }
  | { readonly type: "inbox"; readonly inbox: Inbox; readonly cursor: Cursor }
  /** The numbers of an inbox of which the store contains only a part. */
  | { readonly type: "counts"; readonly counts: InboxCounts }
  | { readonly type: "inbox_refused"; readonly problem: Problem }
  | { readonly type: "event"; readonly event: SocketEvent; readonly at: number }
  | { readonly type: "connection"; readonly connection: Connection }
  /** Conversations of a REST response. `seq` is its `X-Event-Seq` header; null if there is none. */
  | { readonly type: "conversations"; readonly conversations: readonly Conversation[]; readonly seq: number | null }
  /** An optimistic update, shown before the server responds, or its rollback. */
  | { readonly type: "conversation_changed"; readonly id: number; readonly change: Partial<Conversation> }
  /** The server returned 404: the conversation is not visible to this staff member. */
  | { readonly type: "conversation_gone"; readonly id: number }
  /** The thread is opened or prefetched. */
  | { readonly type: "thread_loading"; readonly id: number }
  /** The tab lost the focus or was hidden: messages that arrive from now on stand below the "new" line. */
  | { readonly type: "thread_left"; readonly id: number }
  | { readonly type: "thread_failed"; readonly id: number; readonly problem: Problem | null }
  | { readonly type: "thread_trimmed"; readonly id: number; readonly keep: number }
  | { readonly type: "thread_dropped"; readonly id: number }
  | { readonly type: "messages"; readonly page: MessagesPage }
  /** The message in the response of a send or another write. `ref` is the idempotency key of its queue entry. */
  | { readonly type: "message"; readonly message: Message; readonly ref?: string }
  | { readonly type: "read"; readonly id: number; readonly messageId: number }
  /** Marks the conversation as unread from this message on. */
  | { readonly type: "unread"; readonly id: number; readonly messageId: number }
  /** The staff members who view a conversation, from the ack of the subscription. */
  | { readonly type: "viewers"; readonly id: number; readonly viewers: readonly IdAndName[]; readonly at: number }
  | { readonly type: "presence_expired"; readonly now: number }
  | { readonly type: "directory"; readonly part: DirectoryUpdate }
  | { readonly type: "settings"; readonly settings: Settings }
  | { readonly type: "draft"; readonly id: number; readonly draft: Draft | null }
  /** The open scheduled messages of a conversation. `seq` is the log position at the time of the request. */
  | { readonly type: "scheduled_list"; readonly id: number; readonly fetched: readonly Scheduled[]; readonly seq: number }
  /** The scheduled message in the response of a write. */
  | { readonly type: "scheduled"; readonly message: Scheduled }
  | { readonly type: "queued"; readonly entries: readonly QueuedMessage[] }
  | { readonly type: "queue_entry"; readonly entry: QueuedMessage }
  | { readonly type: "queue_entry_removed"; readonly ref: string };

export type DirectoryUpdate =
  | { readonly departments: readonly Department[] }
  | { readonly staff: readonly StaffEntry[] }
  | { readonly labels: readonly Label[] }
  | { readonly hotel: Hotel };

/** Consecutive messages of one conversation, as stored at log position `seq`. */
export interface MessagesPage {
  readonly id: number;
  readonly messages: readonly Message[];
  readonly seq: number | null;
  /**
   * `newest` is the end of the thread; loaded messages stay only if they touch this page. `older` and `newer` extend
   * the loaded messages. `window` replaces them, for a jump to a message.
   */
  readonly position: "newest" | "older" | "newer" | "window";
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}
