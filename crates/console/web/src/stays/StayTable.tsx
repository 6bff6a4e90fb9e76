import { useState } from "react";

import type { Stay } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { RowButton } from "../records/RowButton";
import { useStore } from "../store/store";
import { Bidi, isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import { dayOf, formatShortDay } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import { codeOf, nextStepOf, otherStepsOf, stateKeyOf, type StayStep } from "./stay-words";
import { StepDialog } from "./StepDialog";
import styles from "./stays.module.css";

interface StayTableProps {
  stays: readonly Stay[];
  canWrite: boolean;
  onOpen: (stay: Stay) => void;
}

export function StayTable({ stays, canWrite, onOpen }: StayTableProps) {
  const t = useT();
  const [asked, setAsked] = useState<{ stay: Stay; step: StayStep } | null>(null);
  const now = useMinute();
  const today = dayOf(now, useStore((state) => state.directory.hotel.timezone));
  const columns = [
    t("stays.field.room_number"),
    t("stays.guest"),
    wide(t("stays.days")),
    wide(t("stays.field.reservation_code")),
    t("stays.state"),
  ];
  return (
    <>
      <Table label={t("stays.title")} columns={canWrite ? [...columns, wide(t("stays.next"))] : columns}>
        {stays.map((stay) => (
          <Row key={stay.id} stay={stay} today={today} onOpen={onOpen} {...(canWrite && { onStep: (step: StayStep) => setAsked({ stay, step }) })} />
        ))}
      </Table>
      {asked !== null && <StepDialog {...asked} onClose={() => setAsked(null)} />}
    </>
  );
}

function wide(text: string) {
  return (
    <span key={text} className={styles["wide"]}>
      {text}
    </span>
  );
}

interface RowProps {
  stay: Stay;
  today: string;
  onOpen: (stay: Stay) => void;
  onStep?: (step: StayStep) => void;
}

function Row({ stay, today, onOpen, onStep }: RowProps) {
  const t = useT();
  const { locale } = useLanguage();
  const days = t("guest.dates", { from: formatShortDay(stay.check_in, locale), to: formatShortDay(stay.check_out, locale) });
  const step = nextStepOf(stay) ?? otherStepsOf(stay, today)[0] ?? null;
  return (
    <tr>
      <td className={styles["room"]}>
        <bdi>{stay.room_number ?? "–"}</bdi>
      </td>
      <th scope="row">
        <RowButton onPress={() => onOpen(stay)}>{stay.guest_name}</RowButton>
        {stay.guest_phone === null ? (
          <span className={styles["second"]}>{t("stays.no_phone")}</span>
        ) : (
          <Bidi className={styles["second"]}>{stay.guest_phone}</Bidi>
        )}
        <Bidi className={`${styles["second"]} ${styles["onlyNarrow"]}`}>{days}</Bidi>
      </th>
      <td>
        <Bidi className={styles["wide"]}>{days}</Bidi>
      </td>
      <td>
        <Bidi className={styles["wide"]}>{codeOf(stay)}</Bidi>
      </td>
      <td>{t(stateKeyOf(stay, today))}</td>
      {onStep && (
        <td>
          <span className={styles["wide"]}>
            {step !== null && (
              <span className={styles["rowAction"]}>
                <Button small aria-label={`${t(`stays.${step}`)}: ${isolate(stay.guest_name)}`} onPress={() => onStep(step)}>
                  {t(`stays.${step}`)}
                </Button>
              </span>
            )}
          </span>
        </td>
      )}
    </tr>
  );
}
