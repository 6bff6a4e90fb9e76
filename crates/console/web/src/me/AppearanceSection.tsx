import { useLanguage, useT } from "../i18n/i18n";
import { asLanguage, LANGUAGE_NAMES, LANGUAGES, setLanguage } from "../i18n/language";
import { preferencesOf } from "../store/preferences";
import { useStore } from "../store/store";
import { appearanceOf, type Density, type Theme } from "../ui/appearance";
import { Select } from "../ui/Select";
import { Switch } from "../ui/Switch";
import styles from "./MeScreen.module.css";
import { Section } from "./Section";
import { useChangeSetting } from "./useSetting";

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const DENSITIES: readonly Density[] = ["comfortable", "compact"];
/** In percent. */
const TEXT_SIZES = [90, 100, 110, 120, 130, 140];

/** The settings for language, theme, density, text size and the Enter key. */
export function AppearanceSection() {
  const t = useT();
  const { language, locale } = useLanguage();
  const settings = useStore((state) => state.settings);
  const change = useChangeSetting();
  const { theme, density, textSize } = appearanceOf(settings);
  const { enterSends } = preferencesOf(settings);
  const percent = new Intl.NumberFormat(locale, { style: "percent" });

  function changeLanguage(value: string | number) {
    const chosen = asLanguage(value);
    if (chosen === null) return;
    void setLanguage(chosen);
    change("language", chosen);
  }

  return (
    <Section title={t("me.appearance")}>
      <div className={styles["fields"]}>
        <Select
          label={t("me.language")}
          value={language}
          options={LANGUAGES.map((id) => ({ id, name: LANGUAGE_NAMES[id] }))}
          onChange={changeLanguage}
        />
        <Select
          label={t("me.theme")}
          value={theme}
          options={THEMES.map((id) => ({ id, name: t(`me.theme.${id}`) }))}
          onChange={(value) => change("theme", value)}
        />
        <Select
          label={t("me.density")}
          value={density}
          options={DENSITIES.map((id) => ({ id, name: t(`me.density.${id}`) }))}
          onChange={(value) => change("density", value)}
        />
        <Select
          label={t("me.text_size")}
          value={textSize}
          options={TEXT_SIZES.map((id) => ({ id, name: percent.format(id / 100) }))}
          onChange={(value) => change("text_size", Number(value))}
        />
      </div>
      <Switch isSelected={enterSends} onChange={(isOn) => change("enter_sends", isOn)}>
        {t("me.enter_sends")}
      </Switch>
      <p className={styles["hint"]}>{t(enterSends ? "me.enter_sends_on" : "me.enter_sends_off")}</p>
    </Section>
  );
}
