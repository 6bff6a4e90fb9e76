import type {
  Conversation,
  Department,
  Draft,
  Hotel,
  IdAndName,
  InboxCounts,
  Label,
  Me,
  Message,
  Problem,
  Scheduled,
  Settings,
  StaffEntry,
} from "../api/types";
import type { QueuedMessage } from "../offline-queue/entry";

/** The live state of a tab. Immutable: only `store/apply.ts` derives a new state from an old one. */
export interface State {
  readonly me: Me;
  readonly connection: Connection;
  /** The position in the event log up to which this state is complete; null before the first snapshot. */
  readonly cursor: Cursor | null;
  /** The error of the last snapshot request; null after a success. Loaded data stays. */
  readonly problem: Problem | null;
  /** Conversations by id: all open ones, and the closed ones that were opened or fetched. */
  readonly conversations: ReadonlyMap<number, Conversation>;
  /** `seq` of the last event about each conversation. A response with a lower `seq` does not overwrite its effect. */
  readonly conversationSeqs: ReadonlyMap<number, number>;
  /** Ids of conversations that appeared in events and have to be fetched. */
  readonly missing: ReadonlySet<number>;
  /** Read positions of this staff member, as known to this tab: message ids by conversation. */
  readonly readUpTo: ReadonlyMap<number, number>;
  /** More than 5,000 conversations are open, and the list contains only the newest 5,000. */
  readonly truncated: boolean;
  /** The numbers of the whole inbox, as the server counts them; null unless it is truncated. */
  readonly serverCounts: InboxCounts | null;
  readonly threads: ReadonlyMap<number, Thread>;
  readonly presence: ReadonlyMap<number, readonly Presence[]>;
  readonly directory: Directory;
  readonly settings: Settings;
  readonly drafts: ReadonlyMap<number, Draft>;
  /** Messages to be sent later, by conversation; only of conversations that were opened. */
  readonly scheduled: ReadonlyMap<number, ScheduledList>;
  /** Entries of the offline queue by conversation, in the order of writing. */
  readonly queued: ReadonlyMap<number, readonly QueuedMessage[]>;
}

export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * State of the connection to the server.
 *
 * ```
 * starting ──resumed──▶ live ──socket lost──▶ offline ──resume──▶ replaying ──resumed──▶ live
 * live ──departments changed, snapshot──▶ replaying
 * starting, replaying ──socket lost──▶ offline
 * ```
 */
export type Connection =
  | { readonly phase: "starting" }
  | { readonly phase: "live" }
  | { readonly phase: "offline"; readonly since: number; readonly reason: OfflineReason }
  | { readonly phase: "replaying"; readonly since: number };

/** `bad_origin`: the server refuses WebSockets of this origin. `replaced`: a newer connection took over (4409). */
export type OfflineReason = "network" | "bad_origin" | "replaced";

export interface Thread {
  /** Ids of the loaded messages, ascending. */
  readonly ids: readonly number[];
  readonly messages: ReadonlyMap<number, Message>;
  /**
   * `seq` of the last event about each message, also removed ones. A page with a lower `seq` does not overwrite its
   * effect.
   */
  readonly seqs: ReadonlyMap<number, number>;
  /** The server has messages before the first id. */
  readonly hasOlder: boolean;
  /** The server has messages after the last id, for example after a jump to an old message. */
  readonly hasNewer: boolean;
  /** `gone`: the conversation is no longer visible; loaded messages stay readable. */
  readonly phase: "loading" | "ready" | "failed" | "gone";
  /** The error of a failed fetch; null if there was no response. */
  readonly problem: Problem | null;
  /** The last read message at the time of opening; the "new" line stands below it. Null: no line. */
  readonly newLineAfter: number | null;
  /** The "new" line will be placed when the next newest page arrives. */
  readonly newLinePending: boolean;
}

export interface ScheduledList {
  /** Scheduled messages by id. Sent and cancelled ones stay, so that a late list does not bring them back. */
  readonly entries: ReadonlyMap<number, Scheduled>;
  /** `seq` of the last event about each. */
  readonly seqs: ReadonlyMap<number, number>;
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
  serverCounts: null,
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
      variables: {},
      quiet_hours: null,
    },
  },
  settings: {},
  drafts: new Map(),
  scheduled: new Map(),
  queued: new Map(),
};
