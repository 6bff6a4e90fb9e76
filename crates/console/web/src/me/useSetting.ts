import { useCallback } from "react";

import { patchSettings } from "../api/calls";
import { useT } from "../i18n/i18n";
import { dispatch, store } from "../store/store";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/**
 * Returns the function that changes one setting: an optimistic update, rolled back with a toast if the server refuses.
 */
export function useChangeSetting(): (key: string, value: unknown) => void {
  const t = useT();
  return useCallback(
    (key, value) => {
      const before = store.getState().settings;
      dispatch({ type: "settings", settings: withSetting(before, key, value) });
      patchSettings({ [key]: value }).then(
        (settings) => dispatch({ type: "settings", settings }),
        (error: unknown) => {
          dispatch({ type: "settings", settings: withSetting(store.getState().settings, key, before[key]) });
          showToast({ text: sentenceOf(error, t) });
        },
      );
    },
    [t],
  );
}

function withSetting(settings: Readonly<Record<string, unknown>>, key: string, value: unknown): Record<string, unknown> {
  return { ...settings, [key]: value };
}
