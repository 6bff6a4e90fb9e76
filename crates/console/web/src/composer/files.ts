/** A reason why a file is not sent; the server would refuse it after the whole upload. */
export type FileRefusal = "file_too_large" | "file_empty" | "file_type";

const MOST_BYTES = 16 * 1024 * 1024;

/** What WhatsApp accepts. */
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

/** Returns why the file cannot be sent, or null. Files whose type the browser does not know are left to the server. */
export function refuseFile(file: Pick<File, "size" | "type">, hasNumber: boolean): FileRefusal | null {
  if (file.size === 0) return "file_empty";
  if (file.size > MOST_BYTES) return "file_too_large";
  if (hasNumber && file.type !== "" && !WHATSAPP_TYPES.has(file.type.split(";")[0] ?? "")) return "file_type";
  return null;
}
