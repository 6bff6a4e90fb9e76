import { Plus } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { Button } from "react-aria-components/Button";

import { useT } from "../i18n/i18n";
import { TextField } from "../ui/TextField";
import styles from "./hotel.module.css";
import { insertPlaceholder, KNOWN_PLACEHOLDERS } from "./placeholders";
import templateStyles from "./Templates.module.css";

interface TemplateEditorProps {
  value: string;
  onChange: (value: string) => void;
  errors: readonly string[] | undefined;
}

/** The text of a template, with buttons that insert a placeholder at the caret. */
export function TemplateEditor({ value, onChange, errors }: TemplateEditorProps) {
  const t = useT();
  const ref = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  /** Position of the caret after the next render, behind the inserted placeholder. */
  const caret = useRef<number | null>(null);

  useLayoutEffect(() => {
    if (caret.current === null) return;
    ref.current?.focus();
    ref.current?.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  });

  function insert(name: string) {
    const box = ref.current;
    const end = value.length;
    const inserted = insertPlaceholder(value, name, box?.selectionStart ?? end, box?.selectionEnd ?? end);
    caret.current = inserted.caret;
    onChange(inserted.text);
  }

  return (
    <div className={styles["group"]}>
      <TextField
        label={t("templates.content")}
        name="content"
        rows={7}
        maxLength={4096}
        value={value}
        onChange={onChange}
        errors={errors}
        ref={ref}
      />
      <div className={templateStyles["chips"]} role="group" aria-label={t("templates.insert")}>
        {KNOWN_PLACEHOLDERS.map((name) => (
          <Button key={name} className={templateStyles["chipButton"] ?? ""} onPress={() => insert(name)}>
            <Plus size={14} aria-hidden />
            {t(`templates.place.${name}`)}
          </Button>
        ))}
      </div>
      <p className={styles["note"]}>{t("templates.places_hint", { example: "{{wifi_code}}" })}</p>
    </div>
  );
}
