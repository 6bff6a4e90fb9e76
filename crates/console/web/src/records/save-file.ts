/** Offers a file to the person as a download. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Not at once, because the browser starts the download later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
