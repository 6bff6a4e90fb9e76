import { useState } from "react";

import type { Conversation } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Select, type Option } from "../ui/Select";
import { missingOf, partsOf, type PlaceholderValues } from "./placeholders";
import styles from "./Templates.module.css";

/** Maximum number of conversations to choose from. */
const MAX_SAMPLES = 50;

/** The preview of a template, with the values of a conversation, computed without the server. */
export function TemplatePreview({ content }: { content: string }) {
  const t = useT();
  const { locale } = useLanguage();
  const conversations = useStore((state) => state.conversations);
  const me = useStore((state) => state.me);
  const hotel = useStore((state) => state.directory.hotel);
  const [chosen, setChosen] = useState<number | null>(null);
  const samples = [...conversations.values()]
    .filter(({ status }) => status !== "closed")
    .toSorted((a, b) => b.updated_at.localeCompare(a.updated_at))
    .slice(0, MAX_SAMPLES);
  const sample = samples.find(({ id }) => id === chosen) ?? samples[0];
  const values: PlaceholderValues = {
    guest_name: sample?.guest_name ?? null,
    room_number: sample?.room_number ?? null,
    department_name: sample?.department_name ?? null,
    hotel_name: hotel.name,
    staff_name: me.name,
  };
  const parts = partsOf(content, values);
  const missing = missingOf(parts);
  return (
    <div className={styles["preview"]}>
      {sample === undefined ? (
        <p className={styles["missingLine"]}>{t("templates.no_sample")}</p>
      ) : (
        <Select
          label={t("templates.preview_for")}
          options={samples.map(toOption)}
          value={sample.id}
          onChange={(id) => setChosen(Number(id))}
        />
      )}
      <div className={styles["bubble"]} dir="auto" role="group" aria-label={t("templates.preview")}>
        {parts.map((part, index) => {
          if (part.kind === "text") return part.text;
          return (
            // oxlint-disable-next-line react/no-array-index-key -- the parts have no other identity
            <bdi key={index} className={part.value === null ? styles["missing"] : styles["chip"]}>
              {part.value ?? `{{${part.name}}}`}
            </bdi>
          );
        })}
      </div>
      <p className={styles["missingLine"]}>
        {missing.length > 0 && t("templates.missing", { names: new Intl.ListFormat(locale).format(missing) })}
      </p>
    </div>
  );
}

function toOption({ id, guest_name, room_number }: Conversation): Option {
  return { id, name: room_number === null ? guest_name : `${room_number} ${guest_name}` };
}
