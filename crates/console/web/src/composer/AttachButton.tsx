import { Paperclip } from "lucide-react";
import { useRef } from "react";

import { useT } from "../i18n/i18n";
import { IconButton } from "../ui/IconButton";
import { Menu, MenuItem } from "../ui/Menu";
import styles from "./Composer.module.css";

interface AttachButtonProps {
  onChoose: (files: readonly File[]) => void;
  /** On touch screens a menu offers photos first, then files. */
  isTouch: boolean;
}

export function AttachButton({ onChoose, isTouch }: AttachButtonProps) {
  const t = useT();
  const photoRef = useRef<HTMLInputElement>(null);
  const fileRef = useRef<HTMLInputElement>(null);
  const icon = <Paperclip size={18} aria-hidden />;

  function input(ref: typeof fileRef, accept?: string) {
    return (
      <input
        ref={ref}
        type="file"
        className={styles["hiddenInput"]}
        multiple
        aria-label={t("composer.attach")}
        {...(accept !== undefined && { accept })}
        onChange={(event) => {
          onChoose([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    );
  }

  return (
    <>
      {isTouch ? (
        <Menu label={t("composer.attach")} trigger={<IconButton label={t("composer.attach")} icon={icon} />}>
          <MenuItem onAction={() => photoRef.current?.click()}>{t("composer.attach_photo")}</MenuItem>
          <MenuItem onAction={() => fileRef.current?.click()}>{t("composer.attach_file")}</MenuItem>
        </Menu>
      ) : (
        <IconButton label={t("composer.attach")} icon={icon} onPress={() => fileRef.current?.click()} />
      )}
      {input(photoRef, "image/*")}
      {input(fileRef)}
    </>
  );
}
