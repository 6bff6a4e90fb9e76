import { Plus } from "lucide-react";
import { useState } from "react";

import type { Template } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { Page } from "../records/Page";
import { RowButton } from "../records/RowButton";
import { SearchField } from "../records/SearchField";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import styles from "./hotel.module.css";
import { useTemplates } from "./queries";
import { SyncButton } from "./SyncButton";
import { TemplateDialog } from "./TemplateDialog";
import templateStyles from "./Templates.module.css";

/** The screen with the templates of the hotel: canned replies, and WhatsApp templates approved by Meta. */
export default function TemplatesScreen() {
  const t = useT();
  const { locale } = useLanguage();
  const query = useTemplates();
  const isOffline = useOffline();
  const [words, setWords] = useState("");
  const all = query.data ?? [];
  const opened = useOpened(all);
  const shown = all
    .filter((each) => matches(each, words.toLocaleLowerCase(locale), locale))
    .toSorted((a, b) => a.name.localeCompare(b.name, locale));
  const add = (
    <Button variant="primary" isDisabled={isOffline} onPress={opened.add}>
      <Plus size={16} aria-hidden />
      {t("templates.add")}
    </Button>
  );

  return (
    <Page
      title={t("templates.title")}
      actions={
        <>
          <SyncButton />
          {all.length > 0 && add}
        </>
      }
    >
      {all.length > 0 && <SearchField label={t("templates.search")} value={words} onChange={setWords} />}
      <ListState
        query={query}
        isEmpty={all.length === 0}
        empty={
          <>
            <p>{t("templates.empty")}</p>
            {add}
          </>
        }
      >
        {shown.length === 0 ? (
          <p className={styles["hint"]}>{t("templates.none_found")}</p>
        ) : (
          <Table
            label={t("templates.title")}
            columns={[
              t("templates.name"),
              <span key="text" className={styles["wide"]}>
                {t("templates.content")}
              </span>,
              t("templates.department"),
            ]}
          >
            {shown.map((each) => (
              <Row key={each.id} template={each} onOpen={() => opened.open(each)} />
            ))}
          </Table>
        )}
      </ListState>
      {opened.isOpen && <TemplateDialog key={opened.key} template={opened.record} onClose={opened.close} />}
    </Page>
  );
}

function Row({ template, onOpen }: { template: Template; onOpen: () => void }) {
  const t = useT();
  const { name, shortcut, content, template_type, language, available } = template;
  const departments = useStore((state) => state.directory.departments);
  const isOpener = useStore((state) => state.directory.hotel.opener_template_id === template.id);
  const department = departments.find(({ id }) => id === template.department_id)?.name ?? "";
  return (
    <tr>
      <th scope="row">
        <RowButton onPress={onOpen}>{name}</RowButton>
        {shortcut !== null && <Bidi className={styles["second"]}>/{shortcut}</Bidi>}
        {template_type === "whatsapp" && (
          <span className={styles["second"]}>
            {t("templates.type.whatsapp")} <bdi>{language}</bdi>
            {isOpener && `, ${t("templates.opener")}`}
          </span>
        )}
        {!available && <span className={templateStyles["unavailable"]}>{t("templates.unavailable")}</span>}
        <span className={`${styles["second"]} ${styles["onlyNarrow"]}`}>
          <span className={templateStyles["excerpt"]} dir="auto">
            {content}
          </span>
        </span>
      </th>
      <td className={styles["wide"]}>
        <span className={templateStyles["excerpt"]} dir="auto">
          {content}
        </span>
      </td>
      <td>{template.department_id === null ? t("templates.all_departments") : <bdi>{department}</bdi>}</td>
    </tr>
  );
}

function matches({ name, shortcut, content }: Template, words: string, locale: string): boolean {
  const text = `${name} ${shortcut ?? ""} ${content}`.toLocaleLowerCase(locale);
  return words.split(/\s+/).every((word) => text.includes(word));
}
