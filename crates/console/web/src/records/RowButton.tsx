import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";

import styles from "./RowButton.module.css";

/** The name of a table row as a button; the whole row is clickable. */
export function RowButton({ onPress, children }: { onPress: () => void; children: ReactNode }) {
  return (
    <Button className={styles["button"] ?? ""} onPress={onPress}>
      <bdi>{children}</bdi>
    </Button>
  );
}
