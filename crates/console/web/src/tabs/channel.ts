/** What tabs of one browser tell each other. */
export type TabMessage =
  | { readonly type: "signed_out" }
  | { readonly type: "signed_in"; readonly staffId: number }
  /** Written in another tab: the box of this tab shows it if nobody types there. */
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
  /** The conversation that this person has before the eyes in another tab; null if that tab lost the focus. */
  | { readonly type: "on_screen"; readonly staffId: number; readonly conversationId: number | null };

let channel: BroadcastChannel | null = null;

/** Tells the other tabs, not this one. */
export function broadcast(message: TabMessage): void {
  open()?.postMessage(message);
}

/** Returns the function that ends listening. */
export function listenToTabs(handle: (message: TabMessage) => void): () => void {
  // Only pages of this origin, thus of this program, can post here.
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
