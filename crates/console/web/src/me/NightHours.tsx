import { useId } from "react";

import { useT } from "../i18n/i18n";
import fieldStyles from "../ui/field.module.css";
import { Switch } from "../ui/Switch";
import styles from "./MeScreen.module.css";

const USUAL = ["22:00", "06:00"] as const;

interface NightHoursProps {
  /** Start and end in the hotel's time zone; null for no night hours. */
  hours: readonly [string, string] | null;
  onChange: (hours: readonly [string, string] | null) => void;
}

/** The setting for the night hours, in which repeated alarms get louder. */
export function NightHours({ hours, onChange }: NightHoursProps) {
  const t = useT();
  const id = useId();
  return (
    <>
      <Switch isSelected={hours !== null} onChange={(isOn) => onChange(isOn ? USUAL : null)}>
        {t("me.night")}
      </Switch>
      {hours !== null && (
        <div className={styles["span"]}>
          <label htmlFor={`${id}-from`}>{t("me.night_from")}</label>
          <input
            id={`${id}-from`}
            type="time"
            className={fieldStyles["input"]}
            value={hours[0]}
            onChange={({ target }) => target.value !== "" && onChange([target.value, hours[1]])}
          />
          <label htmlFor={`${id}-to`}>{t("me.night_to")}</label>
          <input
            id={`${id}-to`}
            type="time"
            className={fieldStyles["input"]}
            value={hours[1]}
            onChange={({ target }) => target.value !== "" && onChange([hours[0], target.value])}
          />
        </div>
      )}
    </>
  );
}
