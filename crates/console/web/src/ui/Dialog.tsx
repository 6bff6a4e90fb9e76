import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";

import { useT } from "../i18n/i18n";
import styles from "./Dialog.module.css";
import { IconButton } from "./IconButton";

interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** `drawer`: full height, at the inline end of the page. */
  shape?: "dialog" | "wide" | "drawer";
  /** The dialog asks a question that needs an answer: a press outside does not close it. */
  isAlert?: boolean;
  children: ReactNode;
}

/** A modal dialog, closed by Esc, by its button and by a press outside. */
export function Dialog({ title, isOpen, onClose, shape = "dialog", isAlert = false, children }: DialogProps) {
  const t = useT();
  const overlay = [styles["overlay"], shape === "drawer" ? styles["drawerOverlay"] : ""].join(" ").trim();
  const modal = [styles["modal"], shape === "dialog" ? "" : styles[shape]].join(" ").trim();
  return (
    <ModalOverlay
      className={overlay}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable={!isAlert}
    >
      <Modal className={modal}>
        <AriaDialog className={styles["dialog"] ?? ""} role={isAlert ? "alertdialog" : "dialog"} data-modal="">
          <div className={styles["head"]}>
            <Heading slot="title" level={2} className={styles["title"] ?? ""}>
              {title}
            </Heading>
            <IconButton label={t("ui.close")} icon={<X size={20} aria-hidden />} onPress={onClose} />
          </div>
          <div className={styles["body"]}>{children}</div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** The row of buttons at the end of a dialog, with the main button last. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className={styles["actions"]}>{children}</div>;
}
