export interface ToastText {
  readonly text: string;
  /** One action: undo, open, try again. */
  readonly action?: { readonly label: string; readonly onPress: () => void };
}

/** Shows a failure, or an offer to undo. Never for plain success. */
export function showToast(toast: ToastText): void {
  void import("./ToastRegion").then(({ addToast }) => addToast(toast));
}
