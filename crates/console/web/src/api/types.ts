import type { components as Rest } from "./schema.gen";
import type { components as Socket } from "./socket.gen";

// Names for the API types that the console uses. They are generated from the server's OpenAPI and AsyncAPI
// descriptions, which explain each key. Types written out here are not described there yet. Times are RFC 3339 in UTC.

type Schemas = Rest["schemas"];
type Events = Socket["schemas"];

export type Status = Schemas["Status"];
export type SenderType = Schemas["SenderType"];
/** Moves forward only, except by a retry. `removed`: deleted before it was sent. */
export type Delivery = NonNullable<Message["delivery"]>;
export type IdAndName = Schemas["Named"];
export type Attachment = Schemas["Attachment"];
export type Reaction = Schemas["Reaction"];
/** The quoted message of a reply; only `id: null` if it is unknown. */
export type Quote = Schemas["Quote"];
export type Message = Schemas["Message"];
export type LastMessage = Schemas["LastMessage"];
export type Label = Schemas["Label"];
export type LabelColour = Schemas["LabelColour"];
export type Unsent = Schemas["Unsent"];
/** The part of a conversation's list item that is the same for all readers; the content of `conversation_updated`. */
export type ConversationCard = Schemas["ConversationCard"];
export type Conversation = Schemas["Conversation"];
export type ConversationDetails = Schemas["ConversationDetails"];
export type HistoryEntry = Schemas["HistoryEntry"];
/** A message that a search found. */
export type SearchHit = Schemas["SearchHit"];
export type SearchHitPage = Schemas["SearchHitPage"];
export type Draft = Schemas["StoredDraft"];
/** A message that is sent later. */
export type Scheduled = Schemas["ScheduledMessage"];
export type ReviewReason = NonNullable<Scheduled["review_reason"]>;
export type Department = Schemas["Department"];
/** Spans of each day as start and end; days without a span are missing. */
export type OpeningHours = NonNullable<Department["opening_hours"]>;
export type Template = Schemas["Template"];
export type RenderedTemplate = Schemas["RenderedTemplate"];
export type Hotel = Schemas["Hotel"];
export type Stay = Omit<Schemas["Stay"], "status"> & {
  status: Schemas["StayStatus"] | "cancelled" | "no_show";
};
export type Guest = Omit<Schemas["Guest"], "stays"> & { stays: Stay[] };
export type ImportRow = Schemas["ImportedRow"];
/** A colleague, with the fields that every staff member may see. */
export type StaffEntry = Schemas["Colleague"];
/** A staff member, with the fields that managers see. */
export type StaffMember = Schemas["Staff"];
/** A sign-in session of a staff member on one device. */
export type StaffSession = Schemas["StaffSession"];
export type Me = Schemas["Me"];
/** The state of the demo; only with a server started with `--demo`. */
export type Demo = Schemas["Demo"];

/** The caller's own settings. Keys of other clients are kept. */
export type Settings = Record<string, unknown>;

/** The numbers of the inbox as the server counts them. */
export type InboxCounts = Schemas["InboxCounts"];

/** The snapshot that the console loads at its start. */
export type Inbox = Omit<Schemas["Inbox"], "settings"> & { settings: Settings };

/** Numbers of messages and times of answers, for managers. */
export type Report = Schemas["Report"];
export type ReportRow = Schemas["ReportRow"];
export type AuditEntry = Schemas["AuditEntry"];

/** A page of a list of the API. */
export interface PageOf<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

/** An API key. The secret `key` is only in the response of its creation. */
export type ApiKey = Schemas["ApiKey"] & Partial<Pick<Schemas["CreatedApiKey"], "key">>;

/** A new message or note. `client_ref` is sent only to the sender's own sockets. */
export type NewMessageEvent = Events["NewMessageEvent"] | Events["NewNoteEvent"];

/** A socket event, discriminated by `type`. Events of other types are ignored. */
export type SocketEvent = Exclude<Events["SocketEvent"], { type: "stay_updated" }> | StayUpdated;

type StayUpdated = Omit<Events["StayUpdatedEvent"], "stay"> & { stay: Stay };

export type DirectoryPart = Events["DirectoryPart"];

/** An error of the API (RFC 9457), with the values of its headers. */
export interface Problem {
  status: number;
  code: string;
  /** A sentence for the staff member. */
  detail: string;
  /** Sentences by field, with the code `invalid`. */
  errors?: Record<string, string[]>;
  /** With `stale_reply`: the messages after `seen_message_id`. */
  newer?: Message[];
  assigned_to?: IdAndName | null;
  draft?: Draft | null;
  requestId: string | null;
  /** Seconds. */
  retryAfter: number | null;
}
