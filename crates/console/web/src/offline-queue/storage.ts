import { inDatabase, QUEUE } from "../tabs/database";
import type { QueuedMessage } from "./entry";

/** Storage of queue entries, in IndexedDB. */
export interface QueueStorage {
  entriesOf(staffId: number): Promise<QueuedMessage[]>;
  put(entry: QueuedMessage): Promise<void>;
  remove(ref: string): Promise<void>;
}

export const indexedDbStorage: QueueStorage = {
  entriesOf: (staffId) => inDatabase(QUEUE, "readonly", (entries) => entries.index("staff").getAll(staffId)),
  async put(entry) {
    await inDatabase(QUEUE, "readwrite", (entries) => entries.put(entry));
  },
  async remove(ref) {
    await inDatabase(QUEUE, "readwrite", (entries) => entries.delete(ref));
  },
};
