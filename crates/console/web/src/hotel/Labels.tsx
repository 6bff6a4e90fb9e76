import { Plus } from "lucide-react";
import { Button as AriaButton } from "react-aria-components/Button";

import { useLanguage, useT } from "../i18n/i18n";
import { Section } from "../records/Section";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { LabelDot } from "../ui/LabelDot";
import { LabelDialog } from "./LabelDialog";
import styles from "./Labels.module.css";

/** The list of the hotel's labels; a press on a label opens it for editing. */
export function Labels() {
  const t = useT();
  const { locale } = useLanguage();
  const isOffline = useOffline();
  const labels = useStore((state) => state.directory.labels);
  const opened = useOpened(labels);
  const sorted = labels.toSorted((a, b) => a.name.localeCompare(b.name, locale));
  return (
    <Section
      title={t("hotel.labels")}
      actions={
        <Button isDisabled={isOffline} onPress={opened.add}>
          <Plus size={16} aria-hidden />
          {t("hotel.add_label")}
        </Button>
      }
    >
      {sorted.length === 0 ? (
        <p className={styles["empty"]}>{t("hotel.labels_empty")}</p>
      ) : (
        <ul className={styles["labels"]}>
          {sorted.map((label) => (
            <li key={label.id}>
              <AriaButton className={styles["label"] ?? ""} onPress={() => opened.open(label)}>
                <LabelDot colour={label.colour} />
                <bdi>{label.name}</bdi>
              </AriaButton>
            </li>
          ))}
        </ul>
      )}
      {opened.isOpen && <LabelDialog key={opened.key} label={opened.record} onClose={opened.close} />}
    </Section>
  );
}
