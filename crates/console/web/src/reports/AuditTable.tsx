import { ListFilter } from "lucide-react";
import { Link } from "wouter";

import type { AuditEntry } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Bidi, isolate } from "../ui/Bidi";
import { IconButton } from "../ui/IconButton";
import { Table } from "../ui/Table";
import { formatDate, formatTime } from "../ui/time";
import { useActionName } from "./actions";
import styles from "./reports.module.css";

interface AuditTableProps {
  entries: readonly AuditEntry[];
  /** Shows only the changes of a conversation. */
  onConversation: (id: number) => void;
}

/** Actions whose values before and after say nothing more. */
const SAID_BY_ACTION = ["closed", "reopened"];

/** The changes as a table, newest first. */
export function AuditTable({ entries, onConversation }: AuditTableProps) {
  const t = useT();
  const columns = [t("audit.time"), t("audit.who"), t("audit.action"), t("audit.about"), t("audit.change")];
  return (
    <div className={styles["audit"]}>
      <Table label={t("audit.title")} columns={columns}>
        {entries.map((entry) => (
          <Row key={entry.id} entry={entry} onConversation={onConversation} />
        ))}
      </Table>
    </div>
  );
}

function Row({ entry, onConversation }: { entry: AuditEntry; onConversation: (id: number) => void }) {
  const actionName = useActionName();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  return (
    <tr>
      <th scope="row">
        <Bidi>{formatTime(entry.at, { locale, zone })}</Bidi>
        <Bidi className={styles["second"]}>{formatDate(entry.at, { locale, zone })}</Bidi>
      </th>
      <td>
        <Actor entry={entry} />
      </td>
      <td>{actionName(entry.action)}</td>
      <td>
        <About entry={entry} onConversation={onConversation} />
      </td>
      <td>
        {!SAID_BY_ACTION.includes(entry.action) && <Change before={entry.before} after={entry.after} />}
      </td>
    </tr>
  );
}

function Actor({ entry }: { entry: AuditEntry }) {
  const t = useT();
  const { type, name } = entry.actor;
  const isNamed = type === "staff" || type === "api_key";
  return (
    <>
      {isNamed && name !== null ? <Bidi>{name}</Bidi> : t(`audit.actor.${type}`)}
      {type === "api_key" && <span className={styles["second"]}>{t("audit.actor.api_key")}</span>}
      {entry.address !== null && <Bidi className={styles["second"]}>{entry.address}</Bidi>}
    </>
  );
}

function About({ entry, onConversation }: { entry: AuditEntry; onConversation: (id: number) => void }) {
  const t = useT();
  const { conversation_id: id, guest_name: guest, staff_name: colleague } = entry;
  if (id === null) return colleague === null ? null : <Bidi>{colleague}</Bidi>;
  const name = guest === null || guest === "" ? t("audit.conversation", { id }) : guest;
  return (
    <div className={styles["about"]}>
      <Link className={styles["link"]} href={`/inbox/with_us/${id}`}>
        <Bidi>{name}</Bidi>
      </Link>
      <IconButton
        label={t("audit.only_this_of", { name: isolate(name) })}
        icon={<ListFilter size={16} aria-hidden />}
        onPress={() => onConversation(id)}
      />
    </div>
  );
}

function Change({ before, after }: { before: string | null; after: string | null }) {
  const t = useT();
  if (before === null && after === null) return null;
  return (
    <>
      {before !== null && (
        <Bidi className={`${styles["change"]} ${styles["old"]}`}>
          {t("audit.before")} {before}
        </Bidi>
      )}
      {after !== null && (
        <Bidi className={styles["change"]}>
          {t("audit.after")} {after}
        </Bidi>
      )}
    </>
  );
}
