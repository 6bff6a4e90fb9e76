import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";

import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Strip } from "../ui/Strip";
import styles from "./FormDialog.module.css";
import { Framed } from "./Framed";
import { TypedContext } from "./typed";

interface FormDialogProps {
  title: string;
  onClose: () => void;
  shape?: "dialog" | "wide";
  children: ReactNode;
}

/** A dialog with a form. Before typed input is discarded by Esc, the close button or a press outside, it asks. */
export function FormDialog({ title, onClose, shape = "dialog", children }: FormDialogProps) {
  const t = useT();
  const content = useRef<HTMLDivElement>(null);
  const hasTyped = useRef(false);
  const [isAsked, setAsked] = useState(false);

  const markTyped = useCallback(() => {
    hasTyped.current = true;
  }, []);

  useEffect(() => {
    const element = content.current;
    element?.addEventListener("input", markTyped);
    return () => element?.removeEventListener("input", markTyped);
  }, [markTyped]);

  return (
    <Dialog title={title} isOpen shape={shape} onClose={() => (hasTyped.current ? setAsked(true) : onClose())}>
      <div ref={content} className={styles["content"]}>
        {isAsked && (
          <Framed>
            <Strip
              tone="warning"
              role="alert"
              actions={
                <>
                  <Button small variant="danger" onPress={onClose}>
                    {t("records.discard")}
                  </Button>
                  {/* The person has just tried to close the dialog; the focus moves to the safe choice. */}
                  {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
                  <Button small onPress={() => setAsked(false)} autoFocus>
                    {t("records.keep_writing")}
                  </Button>
                </>
              }
            >
              {t("records.discard_question")}
            </Strip>
          </Framed>
        )}
        <TypedContext value={markTyped}>{children}</TypedContext>
      </div>
    </Dialog>
  );
}
