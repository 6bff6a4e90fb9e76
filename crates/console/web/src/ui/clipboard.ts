/**
 * Copies a text. Pages that are not secure (http in the hotel's network) have no clipboard of the newer kind; there the
 * browser copies what is selected in a box for the moment.
 */
export async function copyText(text: string): Promise<void> {
  if (globalThis.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const before = document.activeElement;
  const box = document.createElement("textarea");
  box.value = text;
  box.setAttribute("aria-hidden", "true");
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
}
