/** Whether a dialog or a menu is open: keys of the page below do nothing then. One that is fading out is not. */
export function isLayerOpen(): boolean {
  const layers = document.querySelectorAll('[data-modal], dialog[open], [role="menu"]');
  return [...layers].some((layer) => layer.closest("[data-exiting]") === null);
}
