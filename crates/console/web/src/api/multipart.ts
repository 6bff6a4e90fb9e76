/**
 * Builds a multipart body with a fixed boundary. `FormData` chooses a new boundary each time, but a retry with the same
 * idempotency key must have the same bytes.
 */
export function multipart(boundary: string, fields: Readonly<Record<string, string>>, name: string, file: Blob): Blob {
  const head = Object.entries(fields)
    .map(([field, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`)
    .join("");
  const type = file.type === "" ? "application/octet-stream" : file.type;
  const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(name)}"\r\nContent-Type: ${type}\r\n\r\n`;
  return new Blob([head, fileHead, file, `\r\n--${boundary}--\r\n`], { type: `multipart/form-data; boundary=${boundary}` });
}

/**
 * Replaces quotes and line breaks, which the header cannot contain. The `%22` of browsers would be shown to the guest.
 */
function quoted(name: string): string {
  return name.replaceAll(/[\r\n]+/g, " ").replaceAll('"', "'");
}
