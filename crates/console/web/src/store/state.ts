import type {
  Conversation,
  Department,
  Draft,
  Hotel,
  IdAndName,
  Label,
  Me,
  Message,
  Problem,
  Settings,
  StaffEntry,
} from "../api/types";
import type { QueuedMessage } from "../offline-queue/entry";

/**
 * The live state of a tab. Only `store/apply.ts` makes a new one from an old one; nothing in it is changed in place.
 */
export interface State {
  readonly me: Me;
  readonly connection: Connection;
  /** The position in the event log up to which this state is complete; null before the first snapshot. */
  readonly cursor: Cursor | null;
  /** Why the last snapshot was refused; null after a success. What was loaded before stays. */
  readonly problem: Problem | null;
  /** Conversations by id: all open ones, and closed ones that were opened or fetched. */
  readonly conversations: ReadonlyMap<number, Conversation>;
  /** The `seq` of the last event about a conversation: an older response does not undo it. */
  readonly conversationSeqs: ReadonlyMap<number, number>;
  /** Conversations that events name and that are to be fetched. */
  readonly missing: ReadonlySet<number>;
  /** Up to which message this tab has marked a conversation as read. */
  readonly readUpTo: ReadonlyMap<number, number>;
  /** More than 5,000 conversations are open: the list holds the newest. */
  readonly truncated: boolean;
  readonly threads: ReadonlyMap<number, Thread>;
  readonly presence: ReadonlyMap<number, readonly Presence[]>;
  readonly directory: Directory;
  readonly settings: Settings;
  readonly drafts: ReadonlyMap<number, Draft>;
  /** Messages that have not reached the server, by conversation, in the order of writing. */
  readonly queued: ReadonlyMap<number, readonly QueuedMessage[]>;
}

export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * ```
 * starting ──snapshot and resumed──▶ live ──socket lost──▶ offline ──welcome──▶ replaying ──resumed──▶ live
 * ```
 */
export type Connection =
  | { readonly phase: "starting" }
  | { readonly phase: "live" }
  | { readonly phase: "offline"; readonly since: number; readonly reason: OfflineReason }
  | { readonly phase: "replaying"; readonly since: number };

/** `bad_origin`: the server refuses sockets of this address; `replaced`: another tab took the connection. */
export type OfflineReason = "network" | "bad_origin" | "replaced";

export interface Thread {
  /** Ascending. */
  readonly ids: readonly number[];
  readonly messages: ReadonlyMap<number, Message>;
  /** The `seq` of the last event about a message, removed ones included: an older page does not undo it. */
  readonly seqs: ReadonlyMap<number, number>;
  /** Whether the server has older messages than the first id. */
  readonly hasOlder: boolean;
  /** Whether the server has newer messages than the last id (after a jump to an old message). */
  readonly hasNewer: boolean;
  /** `gone`: the conversation is no longer visible; what was loaded stays readable. */
  readonly phase: "loading" | "ready" | "failed" | "gone";
  /** The newest message that was read when the thread was opened: the "new" line stands below it. Null: no line. */
  readonly newLineAfter: number | null;
  /** The next newest page decides where the "new" line stands. */
  readonly newLinePending: boolean;
}

export interface Presence {
  readonly staff: IdAndName;
  readonly kind: "typing" | "viewing";
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Directory {
  readonly departments: readonly Department[];
  readonly staff: readonly StaffEntry[];
  readonly labels: readonly Label[];
  readonly hotel: Hotel;
}

/** The state before a sign-in. */
export const NOTHING: State = {
  me: { id: 0, username: "", name: "", role: "staff", hotel: { id: 0, name: "" }, departments: [] },
  connection: { phase: "starting" },
  cursor: null,
  problem: null,
  conversations: new Map(),
  conversationSeqs: new Map(),
  missing: new Set(),
  readUpTo: new Map(),
  truncated: false,
  threads: new Map(),
  presence: new Map(),
  directory: {
    departments: [],
    staff: [],
    labels: [],
    hotel: {
      id: 0,
      name: "",
      timezone: "UTC",
      country: null,
      default_department_id: null,
      opener_template_id: null,
      whatsapp_phone_number_id: null,
    },
  },
  settings: {},
  drafts: new Map(),
  queued: new Map(),
};
