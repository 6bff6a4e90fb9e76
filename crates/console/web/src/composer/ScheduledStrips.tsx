import { useQuery } from "@tanstack/react-query";
import { CalendarClock } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";

import { listTemplates } from "../api/hotel-calls";
import type { Scheduled } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { cancelScheduled, changeScheduled } from "../live/scheduled";
import { openScheduled } from "../store/scheduled";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { Strip } from "../ui/Strip";
import { dayOf, formatDate, formatTime } from "../ui/time";
import { showToast } from "../ui/toast";
import { useFullTime } from "../ui/useFullTime";
import { useMinute } from "../ui/useMinute";
import { fillKnown } from "./canned";
import styles from "./Scheduled.module.css";

const TimeDialog = lazy(() => import("./TimeDialog"));

interface ScheduledStripsProps {
  conversationId: number;
  guestName: string;
  /** Puts a text that is not sent after all back into the box. */
  onPutBack: (text: string) => void;
  /** Called after a choice. The strip may unmount with its button, so the focus has to move to the box. */
  onDone: () => void;
}

/** The messages that are sent later, above the box: when, what, and why one waits for a confirmation. */
export function ScheduledStrips({ conversationId: id, guestName, onPutBack, onDone }: ScheduledStripsProps) {
  const t = useT();
  const list = useStore((state) => state.scheduled.get(id));
  const open = useMemo(() => openScheduled(list), [list]);
  if (open.length === 0) return null;
  return (
    <section className={styles["list"]} aria-label={t("later.list")}>
      {open.map((message) => (
        <ScheduledStrip key={message.id} message={message} guestName={guestName} onPutBack={onPutBack} onDone={onDone} />
      ))}
    </section>
  );
}

interface ScheduledStripProps extends Omit<ScheduledStripsProps, "conversationId"> {
  message: Scheduled;
}

function ScheduledStrip({ message, guestName, onPutBack, onDone }: ScheduledStripProps) {
  const t = useT();
  const when = useWhen(message.send_at);
  const fullTime = useFullTime(useStore((state) => state.directory.hotel.timezone));
  const isMine = useStore((state) => state.me.id === message.created_by.id);
  const text = useText(message);
  const now = useMinute();
  const [isChanging, setChanging] = useState(false);
  const needsReview = message.status === "needs_review";
  const isPast = Date.parse(message.send_at) <= now;

  async function act(work: Promise<void>, then?: () => void) {
    try {
      await work;
      then?.();
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    }
    onDone();
  }

  function cancel() {
    const offer = { label: t("later.put_back"), onPress: () => onPutBack(text) };
    void act(cancelScheduled(message), () => showToast({ text: t("later.cancelled"), action: offer }));
  }

  return (
    <Strip
      tone={needsReview ? "warning" : "calm"}
      {...(needsReview && { role: "status" as const })}
      actions={
        <>
          {needsReview && (
            <Button small variant="primary" onPress={() => void act(changeScheduled(message, { confirm: true }))}>
              {isPast ? t("later.send") : t("later.send_at", { time: when })}
            </Button>
          )}
          <Button small onPress={() => setChanging(true)}>
            {t("later.change")}
          </Button>
          <Button small onPress={cancel}>
            {t("ui.cancel")}
          </Button>
        </>
      }
    >
      {needsReview && message.review_reason && (
        <strong className={styles["reason"]}>{t(`later.reason.${message.review_reason}`, { name: guestName })}</strong>
      )}
      <span className={styles["line"]}>
        <CalendarClock size={16} aria-hidden />
        <time dateTime={message.send_at} title={fullTime(message.send_at)}>
          {when}
        </time>
        {!isMine && <Bidi>{message.created_by.name}</Bidi>}
        <span className={styles["text"]} dir="auto">
          {text}
        </span>
      </span>
      {isChanging && (
        <Suspense>
          <TimeDialog
            title={t("later.change_title")}
            submit={t("ui.save")}
            at={Date.parse(message.send_at)}
            {...(isMine && message.text !== null && { text: message.text })}
            onSave={async (chosen) => {
              const isText = isMine && message.text !== null && chosen.text !== message.text;
              const change = {
                ...(chosen.at !== null && { send_at: new Date(chosen.at).toISOString() }),
                ...(isText && { text: chosen.text }),
              };
              if (Object.keys(change).length > 0) await changeScheduled(message, change);
            }}
            onClose={() => setChanging(false)}
          />
        </Suspense>
      )}
    </Strip>
  );
}

/** The time of a message in words, by the hotel's clock: "18:02", "Tomorrow, 08:00", "3 Dec 2026, 08:00". */
function useWhen(at: string): string {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const time = formatTime(at, { locale, zone });
  const day = dayOf(at, zone);
  if (day === dayOf(now, zone)) return time;
  if (day === dayOf(now + 24 * 3_600_000, zone)) return t("later.tomorrow", { time });
  return t("later.on_day", { day: formatDate(at, { locale, zone }), time });
}

/** The text of a message; of a template, its content with the given values. */
function useText({ text, template_id: templateId, variables }: Scheduled): string {
  const { data: templates } = useQuery({
    queryKey: ["templates"],
    queryFn: () => listTemplates(),
    enabled: templateId !== null,
    staleTime: 60_000,
  });
  if (text !== null) return text;
  const template = templates?.find(({ id }) => id === templateId);
  return template === undefined ? "…" : fillKnown(template.content, variables);
}
