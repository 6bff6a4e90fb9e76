/** A reason to refuse a file before the upload, which the server would refuse after it. */
export type FileRefusal = "file_too_large" | "file_empty" | "file_type";

const MOST_BYTES = 16 * 1024 * 1024;

/** The content types that WhatsApp accepts. */
const WHATSAPP_TYPES = new Set([
  "image/jpeg",
  "image/png",
  "image/webp",
  "audio/aac",
  "audio/amr",
  "audio/mp4",
  "audio/mpeg",
  "audio/ogg",
  "video/3gpp",
  "video/mp4",
  "text/plain",
  "application/pdf",
  "application/msword",
  "application/vnd.ms-excel",
  "application/vnd.ms-powerpoint",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
]);

/**
 * Returns the reason why a file cannot be sent, or null. The server checks files whose type the browser does not know.
 */
export function refuseFile(file: Pick<File, "size" | "type">, hasNumber: boolean): FileRefusal | null {
  if (file.size === 0) return "file_empty";
  if (file.size > MOST_BYTES) return "file_too_large";
  if (hasNumber && file.type !== "" && !WHATSAPP_TYPES.has(file.type.split(";")[0] ?? "")) return "file_type";
  return null;
}
