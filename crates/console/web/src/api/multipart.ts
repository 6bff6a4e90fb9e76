/**
 * A multipart body with a boundary of its own. `FormData` takes a new boundary each time, and the server compares the
 * bytes of a repetition with those of the first attempt.
 */
export function multipart(boundary: string, fields: Readonly<Record<string, string>>, name: string, file: Blob): Blob {
  const head = Object.entries(fields)
    .map(([field, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`)
    .join("");
  const type = file.type === "" ? "application/octet-stream" : file.type;
  const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(name)}"\r\nContent-Type: ${type}\r\n\r\n`;
  return new Blob([head, fileHead, file, `\r\n--${boundary}--\r\n`], { type: `multipart/form-data; boundary=${boundary}` });
}

/** Quotes and line breaks cannot stand in the header, and the `%22` that browsers write would be shown to the guest. */
function quoted(name: string): string {
  return name.replaceAll(/[\r\n]+/g, " ").replaceAll('"', "'");
}
