import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

/** Whether the server runs another version than this page, which then offers to load the new one. */
const newVersion = createStore<{ readonly isKnown: boolean }>(() => ({ isKnown: false }));

export function noteServerVersion(version: string | undefined): void {
  // The build replaces this name by the version.
  // oxlint-disable-next-line no-underscore-dangle
  if (version !== undefined && version !== __VERSION__) newVersion.setState({ isKnown: true });
}

export function useNewVersion(): boolean {
  return useStore(newVersion).isKnown;
}

export function isNewVersionKnown(): boolean {
  return newVersion.getState().isKnown;
}
