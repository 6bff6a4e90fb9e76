import { Check, CheckCheck, CircleAlert, CircleHelp, Clock, Pause } from "lucide-react";

import { useT, type MessageKey } from "../i18n/i18n";
import styles from "./Ticks.module.css";
import { VisuallyHidden } from "./VisuallyHidden";

/** The delivery status of a message to the guest, as in the API. */
export type TickState = "held" | "queued" | "unknown" | "sent" | "failed" | "delivered" | "read";

const WORDS: Record<TickState, MessageKey> = {
  held: "ui.delivery.held",
  queued: "ui.delivery.queued",
  unknown: "ui.delivery.unknown",
  sent: "ui.delivery.sent",
  failed: "ui.delivery.failed",
  delivered: "ui.delivery.delivered",
  read: "ui.delivery.read",
};

/** The icon of a delivery status, with its name as tooltip and for screen readers. */
export function Ticks({ state }: { state: TickState }) {
  const t = useT();
  const word = t(WORDS[state]);
  const tone = state === "read" ? styles["read"] : state === "failed" || state === "unknown" ? styles["failed"] : "";
  return (
    <span className={`${styles["ticks"]} ${tone}`.trim()} title={word}>
      <TickIcon state={state} />
      <VisuallyHidden>{word}</VisuallyHidden>
    </span>
  );
}

function TickIcon({ state }: { state: TickState }) {
  switch (state) {
    case "held":
      return <Pause size={14} aria-hidden />;
    case "queued":
      return <Clock size={14} aria-hidden />;
    case "unknown":
      return <CircleHelp size={14} aria-hidden />;
    case "failed":
      return <CircleAlert size={14} aria-hidden />;
    case "sent":
      return <Check size={16} aria-hidden />;
    case "delivered":
      return <CheckCheck size={16} aria-hidden />;
    case "read":
      return <CheckCheck size={16} strokeWidth={3} aria-hidden />;
  }
}
