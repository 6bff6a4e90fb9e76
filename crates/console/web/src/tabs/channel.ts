/** The messages between the tabs of one browser. */
export type TabMessage =
  | { readonly type: "signed_out" }
  | { readonly type: "signed_in"; readonly staffId: number }
  /** Typed in another tab. This tab shows it unless its box has the focus. */
  | {
      readonly type: "draft";
      readonly staffId: number;
      readonly conversationId: number;
      readonly text: string;
      readonly internal: boolean;
      readonly replyTo: number | null;
      readonly base: string | null;
      readonly changed: boolean;
    }
  /** The offline queue on disk has changed. */
  | { readonly type: "queue"; readonly staffId: number }
  /** The conversation that the person sees in another tab; null if that tab has lost the focus. */
  | { readonly type: "on_screen"; readonly staffId: number; readonly conversationId: number | null };

let channel: BroadcastChannel | null = null;

/** Sends a message to the other tabs, not to this one. */
export function broadcast(message: TabMessage): void {
  open()?.postMessage(message);
}

/** Calls `handle` with each message of another tab. Returns the function that unsubscribes. */
export function listenToTabs(handle: (message: TabMessage) => void): () => void {
  // The cast is safe: only pages of this origin, thus of the console, can post here.
  const listen = (event: MessageEvent) => handle(event.data as TabMessage);
  const opened = open();
  opened?.addEventListener("message", listen);
  return () => opened?.removeEventListener("message", listen);
}

function open(): BroadcastChannel | null {
  if (typeof BroadcastChannel === "undefined") return null;
  channel ??= new BroadcastChannel("message-manager");
  return channel;
}
