/** A new idempotency key. `crypto.randomUUID` is missing on pages that are not secure (http in the hotel's network). */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
