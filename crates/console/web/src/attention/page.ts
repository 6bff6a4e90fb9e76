/** The signs of waiting guests outside the page: title, icon and app badge, and notifications. */

const QUIET_ICON = "/icon.svg";
const WAITING_ICON = "/icon-waiting.svg";

export function showTitle(title: string): void {
  if (document.title !== title) document.title = title;
}

export function showCount(count: number): void {
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const href = count === 0 ? QUIET_ICON : WAITING_ICON;
  if (icon !== null && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  if (!("setAppBadge" in navigator)) return;
  // Rejected if the app is not installed; then there is no badge.
  const shown = count === 0 ? navigator.clearAppBadge() : navigator.setAppBadge(count);
  shown.catch(() => undefined);
}

const open = new Map<number, Notification>();

export interface NotificationText {
  readonly conversationId: number;
  readonly title: string;
  readonly body: string;
}

/** Shows a notification. Silent, because the console plays its own sound. */
export function notify({ conversationId, title, body }: NotificationText, onPress: () => void): void {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  try {
    const notification = new Notification(title, { body, tag: `conversation-${conversationId}`, silent: true, icon: "/icon-192.png" });
    notification.addEventListener("click", () => {
      globalThis.focus();
      notification.close();
      onPress();
    });
    open.set(conversationId, notification);
  } catch {
    // Chrome on Android allows notifications only from a service worker.
  }
}

/** Closes the notifications of conversations that no longer need attention. */
export function closeNotifications(isObsolete: (conversationId: number) => boolean): void {
  for (const [id, notification] of open) {
    if (!isObsolete(id)) continue;
    notification.close();
    open.delete(id);
  }
}
