import { useMemo, useSyncExternalStore, type ReactNode } from "react";
import { IntlProvider, useIntl } from "react-intl";

import type { Messages } from "./en";
import type { ScreenMessages } from "./en-screens";
import { currentLanguage, subscribeLanguage, type LoadedLanguage } from "./language";

export type MessageKey = keyof Messages | keyof ScreenMessages;

export type MessageValues = Record<string, string | number | Date | null | undefined>;
export type Translate = (key: MessageKey, values?: MessageValues) => string;

/** Provides the language loaded by `setLanguage`, and re-renders when it changes. */
export function I18nProvider({ children }: { children: ReactNode }) {
  const { locale, messages } = useLanguage();
  return (
    <IntlProvider locale={locale} messages={messages} onError={reportMessageError}>
      {children}
    </IntlProvider>
  );
}

/** Returns the current language and the locale for times and numbers. */
export function useLanguage(): LoadedLanguage {
  return useSyncExternalStore(subscribeLanguage, currentLanguage);
}

/** Returns the function that formats a message as plain text. */
export function useT(): Translate {
  const intl = useIntl();
  return useMemo(() => (key: MessageKey, values?: MessageValues) => intl.formatMessage({ id: key }, values), [intl]);
}

function reportMessageError(error: Error): void {
  console.error(error.message);
}
