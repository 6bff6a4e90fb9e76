import { API, type Page, request, requestPage } from "./http";
import { newKey } from "./key";
import { multipart } from "./multipart";
import type {
  Conversation,
  ConversationDetails,
  Draft,
  Guest,
  HistoryEntry,
  Inbox,
  InboxCounts,
  Message,
  PageOf,
  RenderedTemplate,
  Scheduled,
  SearchHitPage,
  SenderType,
  Settings,
} from "./types";

export function getInbox(): Promise<Page<Inbox>> {
  return requestPage("GET", `${API}inbox/`);
}

export function getCounts(): Promise<InboxCounts> {
  return request("GET", `${API}conversations/counts/`);
}

export function getConversation(id: number): Promise<Page<ConversationDetails>> {
  return requestPage("GET", conversation(id));
}

export interface MessageWindow {
  readonly before?: number;
  readonly after?: number;
  readonly around?: number;
  readonly limit?: number;
}

/** Returns messages and notes, oldest first; without a window the newest 200. */
export function getMessages(id: number, window: MessageWindow = {}, signal?: AbortSignal): Promise<Page<Message[]>> {
  return requestPage("GET", `${conversation(id)}messages/`, { query: { ...window, include: "notes" }, signal });
}

export interface ClosedFilter {
  /** 1 is the first page. */
  readonly page: number;
  readonly department?: number;
  readonly search?: string;
}

export function listClosed(filter: ClosedFilter): Promise<PageOf<Conversation>> {
  return request("GET", `${API}conversations/`, { query: { status: "closed", page_size: 50, ...filter } });
}

export interface MessageFilter {
  readonly q: string;
  readonly page?: number;
  readonly page_size?: number;
  readonly sender_type?: SenderType;
  readonly room?: string;
  /** Days in the hotel's time zone. */
  readonly from?: string;
  readonly to?: string;
}

/** Searches for messages, the best first. */
export function searchMessages(filter: MessageFilter, signal?: AbortSignal): Promise<SearchHitPage> {
  return request("GET", `${API}search/`, { query: { ...filter }, signal });
}

// Actions on a conversation.

export function assign(id: number, staffId: number | null, ifUnassigned = false): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}assign/`, { staff_id: staffId, ...(ifUnassigned && { if_unassigned: true }) });
}

/** Routes an unrouted conversation, transfers a routed one. */
export function startRelay(id: number, departmentId: number, note?: string): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}start_relay/`, { department_id: departmentId, ...(note ? { note } : {}) });
}

export function endRelay(id: number): Promise<{ status: string }> {
  return write("POST", `${conversation(id)}end_relay/`);
}

export function closeConversation(id: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}close/`);
}

export function reopen(id: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}reopen/`);
}

/** "No answer needed": ends the waiting time without a reply. */
export function handled(id: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}handled/`);
}

/** Hides the conversation from all queues but "Snoozed" until a time, RFC 3339. */
export function snooze(id: number, until: string): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}snooze/`, { until });
}

export function unsnooze(id: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}unsnooze/`);
}

export function changeLabels(id: number, change: { add?: number[]; remove?: number[] }): Promise<ConversationDetails> {
  return write("PATCH", `${conversation(id)}labels/`, change);
}

export function linkStay(id: number, stayId: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}link_stay/`, { stay_id: stayId });
}

export function unlinkStay(id: number): Promise<ConversationDetails> {
  return write("POST", `${conversation(id)}unlink_stay/`);
}

// Messages.

export interface SendFields {
  readonly seen_message_id?: number;
  readonly hold?: boolean;
  readonly reply_to?: number;
  readonly clears_draft?: boolean;
}

export function sendMessage(id: number, text: string, fields: SendFields, key: string): Promise<Message> {
  return request("POST", `${conversation(id)}send_message/`, { body: { text, ...fields }, key });
}

export function sendNote(id: number, text: string, clearsDraft: boolean, key: string): Promise<Message> {
  return request("POST", `${conversation(id)}notes/`, { body: { text, ...(clearsDraft && { clears_draft: true }) }, key });
}

export function sendTemplate(
  id: number,
  template: { template_id: number; variables: Record<string, string> },
  fields: SendFields,
  key: string,
): Promise<Message> {
  return request("POST", `${conversation(id)}send_template/`, { body: { ...template, ...fields }, key });
}

export function sendFile(
  id: number,
  attachment: { file: Blob; name: string; text: string },
  fields: SendFields,
  key: string,
): Promise<Message> {
  const texts: Record<string, string> = attachment.text === "" ? {} : { text: attachment.text };
  for (const [name, value] of Object.entries(fields)) texts[name] = String(value);
  const body = multipart(`mm-${key}`, texts, attachment.name, attachment.file);
  return request("POST", `${conversation(id)}attachments/`, { body, key });
}

// Messages that are sent later.

export interface ScheduleFields {
  readonly send_at: string;
  readonly seen_message_id?: number;
  readonly hold?: boolean;
  readonly reply_to?: number;
}

/** Schedules a text and deletes the draft that it was. */
export function scheduleMessage(id: number, text: string, fields: ScheduleFields): Promise<Scheduled> {
  return write("POST", `${conversation(id)}scheduled/`, { text, ...fields, clears_draft: true });
}

/** The pending ones and those that need a review, soonest first. */
export function listScheduled(id: number): Promise<PageOf<Scheduled>> {
  return request("GET", `${conversation(id)}scheduled/`, { query: { page_size: 100 } });
}

export interface ScheduledChange {
  readonly text?: string;
  readonly send_at?: string;
  readonly confirm?: boolean;
}

export function changeScheduled(id: number, change: ScheduledChange): Promise<Scheduled> {
  return write("PATCH", `${API}scheduled/${id}/`, change);
}

export function cancelScheduled(id: number): Promise<void> {
  return write("DELETE", `${API}scheduled/${id}/`);
}

/** Retries a `failed` or `unknown` message. */
export function retryMessage(id: number, messageId: number): Promise<Message> {
  return write("POST", `${message(id, messageId)}retry/`);
}

export function editHeldMessage(id: number, messageId: number, text: string): Promise<Message> {
  return write("PATCH", message(id, messageId), { text });
}

export function takeBackMessage(id: number, messageId: number): Promise<void> {
  return write("DELETE", message(id, messageId));
}

/** Sets the caller's reaction. An empty emoji removes it. */
export function react(id: number, messageId: number, emoji: string): Promise<Message> {
  return write("POST", `${message(id, messageId)}react/`, { emoji });
}

export function markRead(id: number, messageId: number): Promise<void> {
  return write("POST", `${conversation(id)}read/`, { message_id: messageId });
}

export function markUnreadFrom(id: number, messageId: number): Promise<void> {
  return write("POST", `${conversation(id)}read/`, { unread_from: messageId });
}

export function renderTemplate(id: number, templateId: number, variables: Record<string, string>): Promise<RenderedTemplate> {
  return request("POST", `${conversation(id)}render_template/`, { body: { template_id: templateId, variables } });
}

// The guest card.

export function history(id: number, page = 1): Promise<PageOf<HistoryEntry>> {
  return request("GET", `${conversation(id)}history/`, { query: { page } });
}

export function getGuest(id: number): Promise<Guest> {
  return request("GET", `${API}guests/${id}/`);
}

export function patchGuest(id: number, change: { note?: string | null; language?: string | null }): Promise<Guest> {
  return write("PATCH", `${API}guests/${id}/`, change);
}

// Drafts and settings.

export interface DraftBody {
  readonly text: string;
  readonly internal: boolean;
  readonly reply_to: number | null;
  readonly base_updated_at: string | null;
}

/** Saves the draft. Empty text deletes it. */
export function putDraft(id: number, body: DraftBody): Promise<Draft> {
  return request("PUT", `${conversation(id)}draft/`, { body });
}

export function listDrafts(): Promise<{ results: Draft[] }> {
  return request("GET", `${API}drafts/`);
}

export function getSettings(): Promise<Settings> {
  return request("GET", `${API}me/settings/`);
}

/** Merges top-level keys into the settings. Null removes a key. */
export function patchSettings(change: Settings): Promise<Settings> {
  return write("PATCH", `${API}me/settings/`, change);
}

/** Sends a write with a new idempotency key, so that the retry after a token refresh has no second effect. */
function write<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  return request(method, path, body === undefined ? { key: newKey() } : { body, key: newKey() });
}

function conversation(id: number): string {
  return `${API}conversations/${id}/`;
}

function message(id: number, messageId: number): string {
  return `${conversation(id)}messages/${messageId}/`;
}
