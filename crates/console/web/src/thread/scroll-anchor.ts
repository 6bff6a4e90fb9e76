/**
 * Scroll anchoring for browsers without `overflow-anchor` (Safari): when the content grows below the first visible
 * message, moves the scroll position by the difference. Returns the function that stops it.
 */
export function anchorScrollWithoutBrowser(scroller: HTMLElement, content: HTMLElement): (() => void) | undefined {
  if (CSS.supports("overflow-anchor", "auto")) return undefined;
  let anchor: { readonly element: Element; readonly top: number } | null = null;

  function remember() {
    const edge = scroller.getBoundingClientRect().top;
    const element = [...content.querySelectorAll("[data-message]")].find(
      (message) => message.getBoundingClientRect().bottom > edge,
    );
    anchor = element === undefined ? null : { element, top: element.getBoundingClientRect().top };
  }

  const observer = new ResizeObserver(() => {
    if (anchor !== null && anchor.element.isConnected && scroller.scrollTop < -1) {
      scroller.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    }
    remember();
  });
  observer.observe(content);
  scroller.addEventListener("scroll", remember, { passive: true });
  return () => {
    observer.disconnect();
    scroller.removeEventListener("scroll", remember);
  };
}
