import { useMemo, useState } from "react";

import { patchHotel } from "../api/hotel-calls";
import type { Hotel } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { FormEnd } from "../records/FormEnd";
import { Section } from "../records/Section";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { textOf, useForm } from "../records/useForm";
import { dispatch, useStore } from "../store/store";
import { SearchSelect } from "../ui/SearchSelect";
import { Select } from "../ui/Select";
import { Switch } from "../ui/Switch";
import { TextField } from "../ui/TextField";
import { formatTime } from "../ui/time";
import { TimeSpan } from "../ui/TimeSpan";
import { useMinute } from "../ui/useMinute";
import styles from "./hotel.module.css";
import { useTemplates } from "./queries";
import { countries, timeZones } from "./zones";

const FIELDS = ["name", "timezone", "country", "default_department_id", "opener_template_id", "quiet_hours"];
/** The option id for no value. */
const NONE = "none";

type Span = readonly [string, string];
const USUAL_QUIET: Span = ["22:00", "08:00"];

export function HotelForm() {
  const t = useT();
  const hotel = useStore((state) => state.directory.hotel);
  const { base, version, isStale, show, accept } = useBase(hotel, contentOf);
  return (
    <Section title={t("hotel.settings")}>
      {isStale && <StaleStrip onShow={() => show(hotel)} />}
      <Fields key={version} hotel={base} onSaved={accept} />
    </Section>
  );
}

/** The part of the hotel that this form edits. */
function contentOf(hotel: Hotel): unknown {
  const content: Partial<Record<string, unknown>> = { ...hotel };
  return FIELDS.map((field) => content[field]);
}

function Fields({ hotel, onSaved }: { hotel: Hotel; onSaved: (hotel: Hotel) => void }) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const departments = useStore((state) => state.directory.departments).filter(({ active }) => active);
  const openers = (useTemplates().data ?? []).filter(({ template_type }) => template_type === "whatsapp");
  const [zone, setZone] = useState(hotel.timezone);
  const [country, setCountry] = useState(hotel.country ?? null);
  const [department, setDepartment] = useState(hotel.default_department_id);
  const [opener, setOpener] = useState(hotel.opener_template_id);
  const [quiet, setQuiet] = useState(spanOf(hotel.quiet_hours));
  const [isSaved, setSaved] = useState(false);
  const zones = useMemo(() => timeZones(hotel.timezone), [hotel.timezone]);
  const countryNames = useMemo(() => [{ id: NONE, name: t("hotel.no_country") }, ...countries(locale)], [locale, t]);

  const form = useForm(FIELDS, async (values) => {
    setSaved(false);
    const change = changesOf(hotel, {
      name: textOf(values, "name"),
      timezone: zone,
      country,
      default_department_id: department,
      opener_template_id: opener,
      quiet_hours: quiet === null ? null : [...quiet],
    });
    if (Object.keys(change).length > 0) {
      const saved = await patchHotel(change);
      onSaved(saved);
      dispatch({ type: "directory", part: { hotel: saved } });
    }
    setSaved(true);
  }, ["name"]);

  return (
    <form className={styles["form"]} onSubmit={form.submit} onChange={() => setSaved(false)} noValidate>
      <TextField
        label={t("hotel.name")}
        hint={t("hotel.name_hint")}
        name="name"
        autoComplete="off"
        defaultValue={hotel.name}
        errors={form.errors["name"]}
      />
      <div className={styles["columns"]}>
        <div className={styles["withHint"]}>
          <SearchSelect
            label={t("hotel.timezone")}
            options={zones}
            value={zone}
            onChange={(id) => setZone(String(id))}
            errors={form.errors["timezone"]}
          />
          <p className={styles["note"]}>{t("hotel.time_there", { time: formatTime(new Date(now).toISOString(), { locale, zone }) })}</p>
        </div>
        <div className={styles["withHint"]}>
          <SearchSelect
            label={t("hotel.country")}
            options={countryNames}
            value={country ?? NONE}
            onChange={(id) => setCountry(id === NONE ? null : String(id))}
            errors={form.errors["country"]}
          />
          <p className={styles["note"]}>{t("hotel.country_hint")}</p>
        </div>
        <div className={styles["withHint"]}>
          <Select
            label={t("hotel.default_department")}
            options={[{ id: NONE, name: t("hotel.oldest_department") }, ...departments]}
            value={department ?? NONE}
            onChange={(id) => setDepartment(id === NONE ? null : Number(id))}
            errors={form.errors["default_department_id"]}
          />
          <p className={styles["note"]}>{t("hotel.default_department_hint")}</p>
        </div>
        <div className={styles["withHint"]}>
          <Select
            label={t("hotel.opener")}
            options={[{ id: NONE, name: t("hotel.no_opener") }, ...openers]}
            value={opener ?? NONE}
            onChange={(id) => setOpener(id === NONE ? null : Number(id))}
            errors={form.errors["opener_template_id"]}
          />
          <p className={styles["note"]}>{t(openers.length === 0 ? "hotel.opener_missing" : "hotel.opener_hint")}</p>
        </div>
      </div>
      <fieldset className={styles["group"]}>
        <Switch isSelected={quiet !== null} onChange={(isOn) => setQuiet(isOn ? USUAL_QUIET : null)}>
          {t("hours.quiet")}
        </Switch>
        {quiet !== null && (
          <TimeSpan
            label={t("hours.quiet")}
            value={quiet}
            onChange={setQuiet}
            isInvalid={form.errors["quiet_hours"] !== undefined}
          />
        )}
        <p className={styles["note"]}>{t("hours.quiet_hint")}</p>
        {form.errors["quiet_hours"] && (
          <p className={styles["error"]} role="alert">
            {form.errors["quiet_hours"].join(" ")}
          </p>
        )}
      </fieldset>
      <dl className={styles["facts"]}>
        <dt>{t("hotel.whatsapp")}</dt>
        <dd>{hotel.whatsapp_phone_number_id === null ? t("hotel.no_whatsapp") : <bdi>{hotel.whatsapp_phone_number_id}</bdi>}</dd>
      </dl>
      <p className={styles["note"]}>{t("hotel.whatsapp_hint")}</p>
      <FormEnd problem={form.problem} isPending={form.isPending}>
        <span role="status">{isSaved && t("records.saved")}</span>
      </FormEnd>
    </form>
  );
}

function spanOf(hours: Hotel["quiet_hours"]): Span | null {
  const [from, to] = hours ?? [];
  return from === undefined || to === undefined ? null : [from, to];
}
