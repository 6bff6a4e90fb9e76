import type { components as Rest } from "./schema.gen";
import type { components as Socket } from "./socket.gen";

// Names for the shapes of the API that the console uses. They are generated from the server's own description, where
// each key is explained; what is written out here is not described there yet. Times are RFC 3339 in UTC.

type Schemas = Rest["schemas"];
type Events = Socket["schemas"];

export type Status = Schemas["Status"];
export type SenderType = Schemas["SenderType"];
/** Except for a retry it moves forward only. `removed`: taken back before it left. */
export type Delivery = NonNullable<Message["delivery"]>;
export type IdAndName = Schemas["Named"];
export type Attachment = Schemas["Attachment"];
export type Reaction = Schemas["Reaction"];
/** The message that another one quotes; only `id: null` if it is unknown. */
export type Quote = Schemas["Quote"];
export type Message = Schemas["Message"];
export type LastMessage = Schemas["LastMessage"];
export type Label = Schemas["Label"];
export type LabelColour = Schemas["LabelColour"];
export type Unsent = Schemas["Unsent"];
/** What the list item of a conversation contains for every reader: the content of `conversation_updated`. */
export type ConversationCard = Schemas["ConversationCard"];
export type Conversation = Schemas["Conversation"];
export type ConversationDetails = Schemas["ConversationDetails"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type Draft = Schemas["StoredDraft"];
export type Department = Schemas["Department"];
export type Template = Schemas["Template"];
export type RenderedTemplate = Schemas["RenderedTemplate"];
export type Hotel = Schemas["Hotel"];
export type Stay = Omit<Schemas["Stay"], "status"> & {
  status: Schemas["StayStatus"] | "cancelled" | "no_show";
};
export type Guest = Omit<Schemas["Guest"], "stays"> & { stays: Stay[] };
export type ImportRow = Schemas["ImportedRow"];
/** A colleague as every staff member sees them. */
export type StaffEntry = Schemas["Colleague"];
/** A staff member as managers see them. */
export type StaffMember = Schemas["Staff"];
export type Me = Schemas["Me"];
/** The demo's state; only servers started with `--demo` have it. */
export type Demo = Schemas["Demo"];

/** The caller's own settings; keys of other clients are kept. */
export type Settings = Record<string, unknown>;

/** All that the console needs at its start. Its counts are not used: rows and counts come from one predicate. */
export type Inbox = Omit<Schemas["Inbox"], "settings" | "counts"> & { settings: Settings };

/** A page of a list of the API. */
export interface PageOf<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

export interface ApiKey extends IdAndName {
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Only in the response that creates it. */
  key?: string | null;
}

/** A new message or note; `client_ref` only on the sender's own sockets. */
export type NewMessageEvent = Events["NewMessageEvent"] | Events["NewNoteEvent"];

/** An event of the socket, by its `type`. Events of other types are ignored. */
export type SocketEvent = Exclude<Events["SocketEvent"], { type: "stay_updated" }> | StayUpdated;

type StayUpdated = Omit<Events["StayUpdatedEvent"], "stay"> & { stay: Stay };

export type DirectoryPart = Events["DirectoryPart"];

/** A problem of the API (RFC 9457), with what its headers say. */
export interface Problem {
  status: number;
  code: string;
  /** A sentence for a person. */
  detail: string;
  /** By field, with `code` `invalid`. */
  errors?: Record<string, string[]>;
  /** With `stale_reply`: the messages after the one that the sender had seen. */
  newer?: Message[];
  assigned_to?: IdAndName | null;
  draft?: Draft | null;
  requestId: string | null;
  /** Seconds. */
  retryAfter: number | null;
}
