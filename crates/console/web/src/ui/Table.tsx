import type { ReactNode } from "react";

import styles from "./Table.module.css";

interface TableProps {
  /** The accessible name of the table's region. */
  label: string;
  columns: readonly ReactNode[];
  /** Rows as `<tr>`; the first cell of each is `<th scope="row">`. */
  children: ReactNode;
}

/** A plain table that scrolls sideways on narrow screens. */
export function Table({ label, columns, children }: TableProps) {
  return (
    // A scroll container must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={styles["scroll"]} role="region" aria-label={label} tabIndex={0}>
      <table className={styles["table"]}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- columns never move
              <th key={index} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
