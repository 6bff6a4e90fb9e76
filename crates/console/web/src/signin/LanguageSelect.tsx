import { useT, useLanguage } from "../i18n/i18n";
import { LANGUAGE_NAMES, LANGUAGES, asLanguage, setLanguage } from "../i18n/language";
import fieldStyles from "../ui/field.module.css";
import styles from "./signin.module.css";

/** The choice of the device's language before the sign-in. */
export function LanguageSelect() {
  const t = useT();
  const { language } = useLanguage();
  return (
    <label className={styles["language"]}>
      {t("signin.language")}
      <select
        className={fieldStyles["input"]}
        value={language}
        onChange={(event) => {
          const chosen = asLanguage(event.target.value);
          if (chosen) void setLanguage(chosen);
        }}
      >
        {LANGUAGES.map((each) => (
          <option key={each} value={each} lang={each}>
            {LANGUAGE_NAMES[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
