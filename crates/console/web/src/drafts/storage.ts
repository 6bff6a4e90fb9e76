import { DRAFTS, inDatabase } from "../tabs/database";

/** A draft in IndexedDB. */
export interface StoredDraft {
  readonly staff_id: number;
  readonly conversation_id: number;
  readonly text: string;
  readonly internal: boolean;
  readonly reply_to: number | null;
  /** `updated_at` of the server draft on which the text is based; null if there was none. */
  readonly base: string | null;
  /** The text differs from the draft on the server. */
  readonly changed: boolean;
}

export interface DraftStorage {
  draftsOf(staffId: number): Promise<StoredDraft[]>;
  put(draft: StoredDraft): Promise<void>;
  remove(staffId: number, conversationId: number): Promise<void>;
}

export const indexedDbDrafts: DraftStorage = {
  draftsOf: (staffId) => inDatabase(DRAFTS, "readonly", (drafts) => drafts.index("staff").getAll(staffId)),
  async put(draft) {
    await inDatabase(DRAFTS, "readwrite", (drafts) => drafts.put(draft));
  },
  async remove(staffId, conversationId) {
    await inDatabase(DRAFTS, "readwrite", (drafts) => drafts.delete([staffId, conversationId]));
  },
};
