/** Moves the focus between the regions of the page, always as the result of the person's own action. */
type Target = "composer" | "list" | "list_start";

const targets = new Map<Target, () => void>();
let wanted: { readonly target: Target; readonly until: number } | null = null;

/**
 * Registers a focus target. If `focusSoon` is waiting for it, the focus moves at once. Returns the function that
 * unregisters it.
 */
export function offerFocus(target: Target, focus: () => void): () => void {
  targets.set(target, focus);
  if (wanted !== null && wanted.target === target && performance.now() < wanted.until) {
    wanted = null;
    focus();
  }
  return () => {
    if (targets.get(target) === focus) targets.delete(target);
  };
}

/** Moves the focus to a target. Returns `false` if the target is not on screen. */
export function focusOn(target: Target): boolean {
  const focus = targets.get(target);
  focus?.();
  return focus !== undefined;
}

/** Moves the focus once the menu is closed, because a closing menu takes the focus back. */
export function focusAfterMenu(target: Target): void {
  const end = performance.now() + 1_000;
  function attempt() {
    if (document.querySelector('[role="menu"]') !== null && performance.now() < end) requestAnimationFrame(attempt);
    else requestAnimationFrame(() => focusOn(target));
  }
  requestAnimationFrame(attempt);
}

/** Moves the focus to a target as soon as it appears, within two seconds. */
export function focusSoon(target: Target): void {
  wanted = { target, until: performance.now() + 2_000 };
}

/** Moves the focus to the next or previous region: an element with `data-region`, in document order. */
export function focusRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    (region) => region.checkVisibility({ visibilityProperty: true }) && region.closest("[inert]") === null,
  );
  const current = regions.findLastIndex((region) => region.contains(document.activeElement));
  const start = current === -1 ? (step === 1 ? -1 : 0) : current;
  const next = regions[(start + step + regions.length) % regions.length];
  const target = next?.querySelector<HTMLElement>("[data-region-focus]") ?? next?.querySelector<HTMLElement>(FOCUSABLE);
  target?.focus();
}

const FOCUSABLE =
  'a[href]:not([tabindex="-1"]), button:not([disabled]):not([tabindex="-1"]), textarea, input, select, [tabindex="0"]';
