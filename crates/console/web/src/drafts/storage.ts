import { DRAFTS, inDatabase } from "../tabs/database";

/** A draft on disk. */
export interface StoredDraft {
  readonly staff_id: number;
  readonly conversation_id: number;
  readonly text: string;
  readonly internal: boolean;
  readonly reply_to: number | null;
  /** `updated_at` of the draft on the server from which this one was made; null if there was none. */
  readonly base: string | null;
  /** Whether it differs from what the server has. */
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
