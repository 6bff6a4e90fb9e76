import { Fragment } from "react";

import type { Stay } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { formatShortDay } from "../ui/time";
import { ConversationButton } from "./ConversationButton";
import { codeOf } from "./stay-words";
import { STAY_FIELDS, StayForm } from "./StayForm";
import styles from "./stays.module.css";

interface StayDialogProps {
  /** Null for a new stay. */
  stay: Stay | null;
  canWrite: boolean;
  onClose: () => void;
}

export function StayDialog({ stay, canWrite, onClose }: StayDialogProps) {
  const t = useT();
  const { base, version, isStale, show } = useBase(stay, contentOf);
  return (
    <FormDialog title={base?.guest_name ?? t("stays.add")} onClose={onClose}>
      {canWrite ? (
        <>
          {isStale && <StaleStrip onShow={() => show(stay)} />}
          <StayForm key={version} base={base} stay={stay} onClose={onClose} />
        </>
      ) : (
        stay !== null && <StayFacts stay={stay} />
      )}
    </FormDialog>
  );
}

function contentOf(stay: Stay | null): unknown {
  return stay && STAY_FIELDS.map((field) => stay[field]);
}

/** The stay for staff who may not change it. */
function StayFacts({ stay }: { stay: Stay }) {
  const t = useT();
  const { locale } = useLanguage();
  return (
    <div className={styles["facts"]}>
      <dl className={styles["factList"]}>
        <dt>{t("stays.field.room_number")}</dt>
        <dd>
          <bdi>{stay.room_number ?? "–"}</bdi>
        </dd>
        <dt>{t("stays.days")}</dt>
        <dd>
          <bdi>{t("guest.dates", { from: formatShortDay(stay.check_in, locale), to: formatShortDay(stay.check_out, locale) })}</bdi>
        </dd>
        <dt>{t("stays.field.guest_phone")}</dt>
        <dd>
          <bdi>{stay.guest_phone ?? "–"}</bdi>
        </dd>
        <dt>{t("stays.field.reservation_code")}</dt>
        <dd>
          <bdi>{codeOf(stay)}</bdi>
        </dd>
        {(["email", "language", "note"] as const).map(
          (field) =>
            stay[field] !== null && (
              <Fragment key={field}>
                <dt>{t(`stays.field.${field}`)}</dt>
                <dd dir="auto">{stay[field]}</dd>
              </Fragment>
            ),
        )}
        <dt>{t("stays.state")}</dt>
        <dd>{t(`stays.state.${stay.status}`)}</dd>
      </dl>
      <div className={styles["actions"]}>
        <ConversationButton stay={stay} />
      </div>
    </div>
  );
}
