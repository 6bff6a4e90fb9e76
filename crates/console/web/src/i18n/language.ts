import type { Messages } from "./en";

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
  readonly messages: Messages;
}

const STORAGE_KEY = "mm.language";

const LOADERS: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("./en"),
  de: () => import("./de"),
  es: () => import("./es"),
  ar: () => import("./ar"),
};

// `en` alone would use the formats of the USA, and `ar` alone a 12-hour clock.
const DEFAULT_LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE", es: "es-ES", ar: "ar-u-hc-h23" };

const listeners = new Set<() => void>();
let loaded: LoadedLanguage | null = null;

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
  const { default: messages } = await LOADERS[language]();
  loaded = { language, locale: localeOf(language, navigator.language), messages };
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Without storage the next start uses the browser's languages.
  }
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
