import { useState } from "react";

import type { ImportRow } from "../api/types";
import { useT, type Translate } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import { Checkbox } from "../ui/Checkbox";
import { Table } from "../ui/Table";
import { cellOf, type CsvTable } from "./csv";
import type { CheckedFile } from "./ImportDialog";
import { countRows, faultsOf } from "./import-rows";
import styles from "./ImportDialog.module.css";
import stayStyles from "./stays.module.css";

/** Maximum number of rows shown. */
const MAX_ROWS = 200;

/** The second step of an import: its result for each row, before anything is stored. */
export function ImportPreview({ checked }: { checked: CheckedFile }) {
  const t = useT();
  const { rows, table, file } = checked;
  const counts = countRows(rows);
  const [onlyErrors, setOnlyErrors] = useState(counts.failed > 0);
  const wanted = onlyErrors ? rows.filter(({ result }) => result === "failed") : rows;
  const shown = wanted.slice(0, MAX_ROWS);
  return (
    <>
      <p role="status">
        <bdi>{file.name}</bdi>
        {": "}
        {t("stays.import_counts", { ...counts })}
      </p>
      {counts.failed > 0 && (
        <Checkbox isSelected={onlyErrors} onChange={setOnlyErrors}>
          {t("stays.import_only_errors")}
        </Checkbox>
      )}
      {shown.length > 0 && (
        <div className={styles["rows"]}>
          <Table
            label={t("stays.import_rows_label")}
            columns={[
              t("stays.import_row"),
              <span key="code" className={stayStyles["wide"]}>
                {t("stays.field.reservation_code")}
              </span>,
              <span key="guest" className={stayStyles["wide"]}>
                {t("stays.guest")}
              </span>,
              t("stays.import_result"),
            ]}
          >
            {shown.map((row) => {
              const guest = table === null ? "" : guestOf(table, row.row);
              return (
                <tr key={row.row}>
                  <th scope="row">{row.row}</th>
                  <td>
                    <Bidi className={stayStyles["wide"]}>{row.reservation_code || "–"}</Bidi>
                  </td>
                  <td>
                    <Bidi className={stayStyles["wide"]}>{guest}</Bidi>
                  </td>
                  <td>
                    <Bidi className={`${stayStyles["second"]} ${stayStyles["onlyNarrow"]}`}>
                      {row.reservation_code} {guest}
                    </Bidi>
                    <span className={row.result === "failed" ? styles["failed"] : undefined}>{resultOf(row, t)}</span>
                  </td>
                </tr>
              );
            })}
          </Table>
        </div>
      )}
      {wanted.length > shown.length && <p className={styles["hint"]}>{t("stays.import_first", { count: MAX_ROWS })}</p>}
    </>
  );
}

/** Room, guest and status of a row, as the file names them. */
function guestOf(table: CsvTable, row: number): string {
  const cells = ["room_number", "guest_name", "status"].map((column) => cellOf(table, row, column));
  return cells.filter((cell) => cell !== "").join(" ");
}

function resultOf(row: ImportRow, t: Translate): string {
  return row.result === "failed" ? faultsOf(row, (field) => fieldName(field, t)) : t(`stays.import.${row.result}`);
}

const FIELDS = [
  "guest_name",
  "guest_phone",
  "room_number",
  "check_in",
  "check_out",
  "reservation_code",
  "status",
  "part",
  "email",
  "language",
  "note",
] as const;

/** Returns the translated name of a column; an unknown column keeps its name. */
export function fieldName(field: string, t: Translate): string {
  const known = FIELDS.find((each) => each === field);
  return known === undefined ? field : t(`stays.field.${known}`);
}
