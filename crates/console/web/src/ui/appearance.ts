/**
 * A staff member's theme, density and text size. Also stored on the device, so that the sign-in screen does not flash.
 */
export interface Appearance {
  readonly theme: Theme;
  readonly density: Density;
  /** In percent, 90 to 140. */
  readonly textSize: number;
}

export type Theme = "system" | "light" | "dark";
export type Density = "comfortable" | "compact";

export const DEFAULT_APPEARANCE: Appearance = { theme: "system", density: "comfortable", textSize: 100 };

const STORAGE_KEY = "mm.appearance";

/** Reads `theme`, `density` and `text_size` from the settings. Unknown values become the defaults. */
export function appearanceOf(settings: Record<string, unknown>): Appearance {
  const { theme, density, text_size: textSize } = settings;
  return {
    theme: theme === "light" || theme === "dark" ? theme : "system",
    density: density === "compact" ? "compact" : "comfortable",
    textSize: typeof textSize === "number" ? Math.min(140, Math.max(90, textSize)) : 100,
  };
}

/** Applies an appearance to the page, and stores it for the next start on this device. */
export function applyAppearance(appearance: Appearance): void {
  current = appearance;
  show();
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(appearance));
  } catch {
    // Without storage the next start uses the defaults.
  }
}

/** Applies the appearance last used on this device, and follows the theme of the operating system. */
export function startAppearance(): void {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}");
    if (typeof stored === "object" && stored !== null) {
      const { theme, density, textSize } = stored as Record<string, unknown>;
      current = appearanceOf({ theme, density, text_size: textSize });
    }
  } catch {
    // Unreadable values count as missing.
  }
  systemIsDark().addEventListener("change", show);
  show();
}

let current = DEFAULT_APPEARANCE;

function show(): void {
  const root = document.documentElement;
  const dark = current.theme === "dark" || (current.theme === "system" && systemIsDark().matches);
  root.dataset["theme"] = dark ? "dark" : "light";
  root.dataset["density"] = current.density;
  root.style.fontSize = current.textSize === 100 ? "" : `${current.textSize}%`;
}

function systemIsDark(): MediaQueryList {
  return window.matchMedia("(prefers-color-scheme: dark)");
}
