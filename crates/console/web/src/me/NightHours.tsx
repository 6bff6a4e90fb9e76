import { useT } from "../i18n/i18n";
import { Switch } from "../ui/Switch";
import { TimeSpan } from "../ui/TimeSpan";

const USUAL = ["22:00", "06:00"] as const;

interface NightHoursProps {
  /** Start and end in the hotel's time zone; null for no night hours. */
  hours: readonly [string, string] | null;
  onChange: (hours: readonly [string, string] | null) => void;
}

/** The setting for the night hours, in which repeated alarms get louder. */
export function NightHours({ hours, onChange }: NightHoursProps) {
  const t = useT();
  return (
    <>
      <Switch isSelected={hours !== null} onChange={(isOn) => onChange(isOn ? USUAL : null)}>
        {t("me.night")}
      </Switch>
      {hours !== null && (
        <TimeSpan label={t("me.night")} value={hours} onChange={([from, to]) => onChange([from || hours[0], to || hours[1]])} />
      )}
    </>
  );
}
