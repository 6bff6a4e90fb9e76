/**
 * Values that survive a reload, such as scroll positions: written to sessionStorage on `pagehide`, read once. Never
 * texts of guests.
 */
const KEY = "mm.kept";

type Values = Readonly<Record<string, unknown>>;

const kept = new Map(Object.entries(read()));
const sources = new Map<string, () => unknown>();

if (typeof globalThis.addEventListener === "function") globalThis.addEventListener("pagehide", write);

/** Registers a value for `pagehide`; null stores none. Returns the function that unregisters it. */
export function keepOverReload(name: string, look: () => unknown): () => void {
  sources.set(name, look);
  return () => {
    if (sources.get(name) === look) sources.delete(name);
  };
}

/** Returns the value stored before the reload, and deletes it. */
export function takeKept(name: string): unknown {
  const value = kept.get(name);
  kept.delete(name);
  return value;
}

function write(): void {
  const values = Object.fromEntries([...sources].map(([name, look]) => [name, look()]));
  try {
    sessionStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // Without storage nothing is restored.
  }
}

function read(): Values {
  try {
    const values: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    sessionStorage.removeItem(KEY);
    return typeof values === "object" && values !== null ? (values as Values) : {};
  } catch {
    return {};
  }
}
