import type { Messages } from "./en";
import type { ScreenMessages } from "./en-screens";

/** The languages of the console. */
export const LANGUAGES = ["en", "de", "es", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The name of each language in that language. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  ar: "العربية",
};

export interface LoadedLanguage {
  readonly language: Language;
  /** With a region, for times and numbers. */
  readonly locale: string;
  /** Those of the screens beside the inbox are missing until `loadScreenMessages`. */
  readonly messages: Messages & Partial<ScreenMessages>;
}

const STORAGE_KEY = "mm.language";

const LOADERS: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("./en"),
  de: () => import("./de"),
  es: () => import("./es"),
  ar: () => import("./ar"),
};

const SCREEN_LOADERS: Record<Language, () => Promise<{ default: ScreenMessages }>> = {
  en: () => import("./en-screens"),
  de: () => import("./de-screens"),
  es: () => import("./es-screens"),
  ar: () => import("./ar-screens"),
};

// `en` alone would use the formats of the USA, and `ar` alone a 12-hour clock.
const DEFAULT_LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE", es: "es-ES", ar: "ar-u-hc-h23" };

const listeners = new Set<() => void>();
let loaded: LoadedLanguage | null = null;
/** A screen beside the inbox was opened, so its messages are loaded in every chosen language. */
let needsScreens = false;

/** Returns the language of this device: the one chosen before, otherwise the first supported one of the browser. */
export function preferredLanguage(): Language {
  const stored = storedLanguage();
  if (stored !== null) return stored;
  for (const tag of navigator.languages) {
    const language = asLanguage(tag.split("-")[0]);
    if (language !== null) return language;
  }
  return "en";
}

/** Loads a language and renders the page in it. Must have succeeded once before the first rendering. */
export async function setLanguage(language: Language): Promise<void> {
  if (loaded?.language === language) return;
  const [core, screens] = await Promise.all([LOADERS[language](), needsScreens ? SCREEN_LOADERS[language]() : null]);
  loaded = { language, locale: localeOf(language, navigator.language), messages: { ...core.default, ...screens?.default } };
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Without storage the next start uses the browser's languages.
  }
  for (const listener of listeners) listener();
}

/** Loads the messages of the screens beside the inbox. Await it before such a screen is rendered. */
export async function loadScreenMessages(): Promise<void> {
  if (needsScreens) return;
  const { language } = currentLanguage();
  const { default: screens } = await SCREEN_LOADERS[language]();
  needsScreens = true;
  const present = currentLanguage();
  // Meanwhile another language may have been chosen.
  loaded = { ...present, messages: { ...present.messages, ...(present.language === language ? screens : (await SCREEN_LOADERS[present.language]()).default) } };
  for (const listener of listeners) listener();
}

/** Returns the current language. Throws if none is loaded. */
export function currentLanguage(): LoadedLanguage {
  if (loaded === null) throw new Error("setLanguage must be awaited before rendering");
  return loaded;
}

export function subscribeLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Returns the browser's locale if its language matches, otherwise a default locale, so that regional formats are kept.
 */
export function localeOf(language: Language, browserLocale: string): string {
  return browserLocale.startsWith(`${language}-`) ? browserLocale : DEFAULT_LOCALES[language];
}

export function directionOf(language: Language): "ltr" | "rtl" {
  return language === "ar" ? "rtl" : "ltr";
}

export function asLanguage(value: unknown): Language | null {
  return LANGUAGES.find((language) => language === value) ?? null;
}

function storedLanguage(): Language | null {
  try {
    return asLanguage(localStorage.getItem(STORAGE_KEY));
  } catch {
    return null;
  }
}
