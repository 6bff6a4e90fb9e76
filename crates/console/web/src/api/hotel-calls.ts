import { API, request } from "./http";
import { newKey } from "./key";
import type {
  ApiKey,
  ConversationDetails,
  Department,
  Hotel,
  ImportRow,
  Label,
  LabelColour,
  PageOf,
  StaffEntry,
  StaffMember,
  Stay,
  Template,
} from "./types";

// Staff and departments. Lists are fetched completely, page by page: a hotel has some dozens of each.

export function listStaff(): Promise<StaffMember[]> {
  return everyPage(`${API}staff/`);
}

export type StaffChange = Partial<Omit<StaffMember, "id">> & { password?: string; current_password?: string };

export function createStaff(body: StaffChange): Promise<StaffMember> {
  return write("POST", `${API}staff/`, body);
}

export function patchStaff(id: number, change: StaffChange): Promise<StaffMember> {
  return write("PATCH", `${API}staff/${id}/`, change);
}

export function listDepartments(options: { inactive?: boolean } = {}): Promise<Department[]> {
  return everyPage(`${API}departments/`, options);
}

export type DepartmentChange = Partial<Omit<Department, "id">> & { move_to?: number };

export function createDepartment(body: DepartmentChange): Promise<Department> {
  return write("POST", `${API}departments/`, body);
}

export function patchDepartment(id: number, change: DepartmentChange): Promise<Department> {
  return write("PATCH", `${API}departments/${id}/`, change);
}

// Templates.

export function listTemplates(query: { search?: string; department?: number } = {}): Promise<Template[]> {
  return everyPage(`${API}templates/`, query);
}

export type TemplateChange = Partial<Omit<Template, "id" | "available">>;

export function createTemplate(body: TemplateChange): Promise<Template> {
  return write("POST", `${API}templates/`, body);
}

export function patchTemplate(id: number, change: TemplateChange): Promise<Template> {
  return write("PATCH", `${API}templates/${id}/`, change);
}

export function deleteTemplate(id: number): Promise<void> {
  return write("DELETE", `${API}templates/${id}/`);
}

/** Reads the approved templates of the WhatsApp Business Account. */
export function syncTemplates(): Promise<{ created: number; updated: number; unavailable: number }> {
  return write("POST", `${API}templates/sync/`);
}

// Stays.

export interface StayFilter {
  readonly page_size?: number;
  readonly page?: number;
  readonly search?: string;
  readonly room?: string;
  readonly current?: boolean;
  readonly arriving?: boolean;
  readonly leaving?: boolean;
  /** Statuses, separated by commas. */
  readonly status?: string;
}

export function listStays(filter: StayFilter = {}): Promise<PageOf<Stay>> {
  return request("GET", `${API}stays/`, { query: { ...filter } });
}

export function getStay(id: number): Promise<Stay> {
  return request("GET", `${API}stays/${id}/`);
}

export type StayChange = Partial<
  Pick<
    Stay,
    | "reservation_code"
    | "guest_name"
    | "guest_phone"
    | "room_number"
    | "check_in"
    | "check_out"
    | "email"
    | "language"
    | "note"
  >
>;

export function createStay(body: StayChange): Promise<Stay> {
  return write("POST", `${API}stays/`, body);
}

export function patchStay(id: number, change: StayChange): Promise<Stay> {
  return write("PATCH", `${API}stays/${id}/`, change);
}

export function checkIn(id: number): Promise<Stay> {
  return write("POST", `${API}stays/${id}/check_in/`);
}

export function checkOut(id: number): Promise<Stay> {
  return write("POST", `${API}stays/${id}/check_out/`);
}

export function recordNoShow(id: number): Promise<Stay> {
  return write("POST", `${API}stays/${id}/no_show/`);
}

export function reinstateStay(id: number): Promise<Stay> {
  return write("POST", `${API}stays/${id}/reinstate/`);
}

export function cancelStay(id: number): Promise<Stay> {
  return write("POST", `${API}stays/${id}/cancel/`);
}

/** Returns the conversation of a stay; creates it if the guest has not written yet. */
export function writeFirst(stayId: number): Promise<ConversationDetails> {
  return write("POST", `${API}stays/${stayId}/conversation/`);
}

/** Imports stays from CSV. `dryRun` stores nothing and returns the result that an import would have. */
export function importStays(table: Blob, dryRun: boolean): Promise<{ rows: ImportRow[] }> {
  const body = new Blob([table], { type: "text/csv" });
  return request("POST", `${API}stays/import/`, { body, query: dryRun ? { dry_run: true } : {}, key: newKey() });
}

// The hotel, labels, API keys.

export function getHotel(): Promise<Hotel> {
  return request("GET", `${API}hotel/`);
}

export type HotelChange = Partial<Omit<Hotel, "id" | "whatsapp_phone_number_id">>;

export function patchHotel(change: HotelChange): Promise<Hotel> {
  return write("PATCH", `${API}hotel/`, change);
}

export function listLabels(): Promise<Label[]> {
  return everyPage(`${API}labels/`);
}

export function createLabel(body: { name: string; colour: LabelColour }): Promise<Label> {
  return write("POST", `${API}labels/`, body);
}

export function patchLabel(id: number, change: { name?: string; colour?: LabelColour }): Promise<Label> {
  return write("PATCH", `${API}labels/${id}/`, change);
}

export function deleteLabel(id: number): Promise<void> {
  return write("DELETE", `${API}labels/${id}/`);
}

export function listApiKeys(): Promise<ApiKey[]> {
  return everyPage(`${API}api_keys/`);
}

export function createApiKey(body: { name: string; expires_at?: string | null }): Promise<ApiKey> {
  return write("POST", `${API}api_keys/`, body);
}

export function deleteApiKey(id: number): Promise<void> {
  return write("DELETE", `${API}api_keys/${id}/`);
}

/** Reduces a staff member to the fields that every colleague may see. */
export function toStaffEntry(member: StaffMember): StaffEntry {
  return { id: member.id, name: member.name, active: member.active, department_ids: member.department_ids };
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

async function everyPage<T>(path: string, query: Query = {}): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    // Sequential on purpose: each page shows whether there is a next one.
    // oxlint-disable-next-line no-await-in-loop
    const answer = await request<PageOf<T>>("GET", path, { query: { ...query, page, page_size: 100 } });
    all.push(...answer.results);
    if (answer.next === null) return all;
  }
}

function write<T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  return request(method, path, body === undefined ? { key: newKey() } : { body, key: newKey() });
}
