import { CopyCheck, Plus, X } from "lucide-react";

import { useLanguage, useT, type Translate } from "../i18n/i18n";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { IconButton } from "../ui/IconButton";
import { Switch } from "../ui/Switch";
import { TimeSpan } from "../ui/TimeSpan";
import hotelStyles from "./hotel.module.css";
import { copyToAll, DAYS, endsNextDay, isWholeDay, setDay, type Day, type HoursProblem, type Week } from "./opening-hours";
import styles from "./OpeningHours.module.css";

/** A Monday, from which the names of the days are formatted. */
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_LENGTH = 86_400_000;

interface OpeningHoursFieldProps {
  /** Null: always open. */
  value: Week | null;
  /** The hours that appear when "always open" is switched off. */
  usual: Week;
  onChange: (week: Week | null) => void;
  /** A reason to refuse the hours before they are sent. */
  problem: HoursProblem | null;
  /** Errors of the server for this field. */
  errors: readonly string[] | undefined;
}

/** The field for the opening hours of a department: several spans a day, also over midnight. */
export function OpeningHoursField({ value, usual, onChange, problem, errors }: OpeningHoursFieldProps) {
  const t = useT();
  return (
    <fieldset className={hotelStyles["group"]}>
      <legend className={hotelStyles["legend"]}>{t("hours.title")}</legend>
      <Switch isSelected={value === null} onChange={(isAlways) => onChange(isAlways ? null : usual)}>
        {t("hours.always")}
      </Switch>
      {value !== null && (
        <>
          <p className={hotelStyles["hint"]}>{t("hours.hint")}</p>
          <ul className={styles["week"]}>
            {DAYS.map((day) => (
              <DayRow key={day} day={day} week={value} onChange={onChange} problem={problem?.day === day ? problem : null} />
            ))}
          </ul>
        </>
      )}
      {errors !== undefined && (
        <p className={hotelStyles["error"]} role="alert">
          {errors.join(" ")}
        </p>
      )}
    </fieldset>
  );
}

interface DayRowProps {
  day: Day;
  week: Week;
  onChange: (week: Week) => void;
  problem: HoursProblem | null;
}

function DayRow({ day, week, onChange, problem }: DayRowProps) {
  const t = useT();
  const { locale } = useLanguage();
  const name = nameOf(day, locale);
  const spans = week[day];
  return (
    <li className={styles["day"]} aria-label={name}>
      <span className={styles["name"]}>{name}</span>
      <div className={styles["spans"]}>
        {spans.length === 0 && <span className={styles["closed"]}>{t("hours.closed")}</span>}
        {spans.map((span, index) => (
          // Spans have no identity of their own; their order changes only by removing one.
          // oxlint-disable-next-line react/no-array-index-key
          <div key={index} className={styles["span"]}>
            <TimeSpan
              label={name}
              value={span}
              onChange={(next) => onChange(setDay(week, day, spans.with(index, next)))}
              isInvalid={problem !== null}
            />
            <IconButton
              small
              label={removeLabel(span, t)}
              icon={<X size={16} aria-hidden />}
              onPress={() => onChange(setDay(week, day, spans.toSpliced(index, 1)))}
            />
            {endsNextDay(span) && (
              <span className={styles["note"]}>{t(isWholeDay(span) ? "hours.whole_day" : "hours.next_day")}</span>
            )}
          </div>
        ))}
        {problem !== null && (
          <p className={hotelStyles["error"]} role="alert">
            {t(`hours.${problem.kind}`)}
          </p>
        )}
      </div>
      <div className={styles["buttons"]}>
        <IconButton
          small
          label={`${name}: ${t("hours.add")}`}
          icon={<Plus size={16} aria-hidden />}
          onPress={() => onChange(setDay(week, day, [...spans, spans.length === 0 ? ["08:00", "22:00"] : ["", ""]]))}
        />
        {day === "mon" ? (
          <Button small variant="quiet" aria-label={t("hours.copy", { day: name })} onPress={() => onChange(copyToAll(week, day))}>
            {t("hours.copy_short")}
          </Button>
        ) : (
          <IconButton
            small
            label={t("hours.copy", { day: name })}
            icon={<CopyCheck size={16} aria-hidden />}
            onPress={() => onChange(copyToAll(week, day))}
          />
        )}
      </div>
    </li>
  );
}

function removeLabel([from, to]: readonly [string, string], t: Translate): string {
  return t("hours.remove", { from: isolate(from), to: isolate(to) });
}

function nameOf(day: Day, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" });
  return format.format(MONDAY + DAYS.indexOf(day) * DAY_LENGTH);
}
