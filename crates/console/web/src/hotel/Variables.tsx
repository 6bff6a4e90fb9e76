import { Plus, X } from "lucide-react";
import { useState } from "react";

import { patchHotel } from "../api/hotel-calls";
import type { Hotel } from "../api/types";
import { useT } from "../i18n/i18n";
import { FormEnd } from "../records/FormEnd";
import { Section } from "../records/Section";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { useForm } from "../records/useForm";
import { dispatch, useStore } from "../store/store";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { IconButton } from "../ui/IconButton";
import { TextField } from "../ui/TextField";
import styles from "./hotel.module.css";
import own from "./Variables.module.css";
import { type Row, rowsOf, variablesOf } from "./variable-rows";

/** The texts of the hotel that templates use by name, such as the password of the Wi-Fi. */
export function Variables() {
  const t = useT();
  const hotel = useStore((state) => state.directory.hotel);
  const { base, version, isStale, show, accept } = useBase(hotel, contentOf);
  return (
    <Section title={t("variables.title")}>
      {isStale && <StaleStrip onShow={() => show(hotel)} />}
      <Fields key={version} hotel={base} onSaved={accept} />
    </Section>
  );
}

function contentOf(hotel: Hotel): unknown {
  return hotel.variables;
}

function Fields({ hotel, onSaved }: { hotel: Hotel; onSaved: (hotel: Hotel) => void }) {
  const t = useT();
  const [rows, setRows] = useState<readonly Row[]>(() => rowsOf(hotel.variables));
  const [isSaved, setSaved] = useState(false);
  /** The greatest id of a row so far: that of the row just added. */
  const [newest, setNewest] = useState(rows.length);
  const form = useForm(["variables"], async () => {
    setSaved(false);
    const saved = await patchHotel({ variables: variablesOf(rows) });
    onSaved(saved);
    dispatch({ type: "directory", part: { hotel: saved } });
    setRows(rowsOf(saved.variables));
    setSaved(true);
  });

  function change(next: readonly Row[]) {
    setSaved(false);
    setRows(next);
  }

  function add() {
    setNewest(newest + 1);
    change([...rows, { id: newest + 1, name: "", text: "" }]);
  }

  const set = (id: number, part: Partial<Row>) => change(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  return (
    <form className={styles["form"]} onSubmit={form.submit} noValidate>
      <p className={styles["note"]}>{t("variables.hint", { example: isolate("{{wifi_code}}") })}</p>
      {rows.length > 0 && (
        <ul className={own["rows"]}>
          {rows.map((row) => (
            <li key={row.id} className={own["row"]}>
              <TextField
                label={t("variables.name")}
                autoComplete="off"
                isBidi
                autoCapitalize="none"
                value={row.name}
                onChange={(name) => set(row.id, { name })}
                // Autofocus is expected, because the person has just pressed "Add".
                // oxlint-disable-next-line jsx-a11y/no-autofocus
                autoFocus={row.id === newest && row.name === "" && row.text === ""}
              />
              <TextField
                label={t("variables.text")}
                autoComplete="off"
                isBidi
                value={row.text}
                maxLength={1024}
                onChange={(text) => set(row.id, { text })}
              />
              <IconButton
                label={t("variables.remove", { name: isolate(row.name) })}
                icon={<X size={18} aria-hidden />}
                onPress={() => change(rows.filter(({ id }) => id !== row.id))}
              />
            </li>
          ))}
        </ul>
      )}
      {form.errors["variables"] !== undefined && (
        <p className={styles["error"]} role="alert">
          {form.errors["variables"].join(" ")}
        </p>
      )}
      <FormEnd problem={form.problem} isPending={form.isPending}>
        <Button onPress={add}>
          <Plus size={16} aria-hidden />
          {t("variables.add")}
        </Button>
        <span role="status">{isSaved && t("records.saved")}</span>
      </FormEnd>
    </form>
  );
}
