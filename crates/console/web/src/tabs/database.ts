const NAME = "message-manager";
const VERSION = 1;

export const QUEUE = "queue";
export const DRAFTS = "drafts";

let opening: Promise<IDBDatabase> | null = null;

/** Runs one request in its own IndexedDB transaction. Resolves when the transaction is complete. */
export async function inDatabase<T>(
  name: typeof QUEUE | typeof DRAFTS,
  mode: IDBTransactionMode,
  job: (objects: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode);
    const request = job(transaction.objectStore(name));
    // An explicit commit does not wait for the request event, so that writes during `pagehide` are kept.
    transaction.commit();
    transaction.addEventListener("complete", () => resolve(request.result));
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("transaction aborted")));
  });
}

function open(): Promise<IDBDatabase> {
  opening ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.addEventListener("upgradeneeded", () => {
      // The index by staff member finds a person's entries without reading those of others.
      request.result.createObjectStore(QUEUE, { keyPath: "ref" }).createIndex("staff", "staff_id");
      request.result.createObjectStore(DRAFTS, { keyPath: ["staff_id", "conversation_id"] }).createIndex("staff", "staff_id");
    });
    request.addEventListener("success", () => {
      const database = request.result;
      // Close the connection, so that a tab with a newer version of the console can upgrade the database.
      database.addEventListener("versionchange", () => {
        database.close();
        opening = null;
      });
      database.addEventListener("close", () => {
        opening = null;
      });
      resolve(database);
    });
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB refused")));
  }).catch((error: unknown) => {
    opening = null;
    throw error;
  });
  return opening;
}
