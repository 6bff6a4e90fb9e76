/**
 * Returns whether a dialog or menu is open, so that the page below must ignore keys. One that is fading out does not
 * count.
 */
export function isLayerOpen(): boolean {
  const layers = document.querySelectorAll('[data-modal], dialog[open], [role="menu"]');
  return [...layers].some((layer) => layer.closest("[data-exiting]") === null);
}
