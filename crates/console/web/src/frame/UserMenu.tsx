import { ChevronsUpDown, Keyboard, LogOut, Settings } from "lucide-react";
import { Button as AriaButton } from "react-aria-components/Button";

import { useT } from "../i18n/i18n";
import { useSession } from "../session/session";
import { useStore } from "../store/store";
import { Initials } from "../ui/Initials";
import { openKeySheet } from "../ui/keySheet";
import { Menu, MenuItem, MenuSeparator } from "../ui/Menu";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import styles from "./Frame.module.css";
import { useSignOut } from "./useSignOut";

/** The menu of the staff member: settings, key sheet, sign-out. */
export function UserMenu() {
  const t = useT();
  const me = useStore((state) => state.me);
  const session = useSession();
  const signOut = useSignOut();
  const label = t("frame.user_menu", { name: me.name });
  return (
    <>
      {session.phase === "signed_in" && session.byCookie && (
        <AriaButton className={styles["plain"] ?? ""} onPress={signOut.ask}>
          {t("frame.not_you")}
        </AriaButton>
      )}
      <Menu
        label={label}
        trigger={
          <AriaButton className={styles["user"] ?? ""}>
            <Initials name={me.name} isMe />
            <span className={styles["userName"]} aria-hidden>
              <bdi>{me.name}</bdi>
            </span>
            <VisuallyHidden>{label}</VisuallyHidden>
            <ChevronsUpDown size={16} aria-hidden />
          </AriaButton>
        }
      >
        <MenuItem icon={<Settings size={18} aria-hidden />} href="/me">
          {t("frame.me")}
        </MenuItem>
        <MenuItem icon={<Keyboard size={18} aria-hidden />} action="showKeys" onAction={openKeySheet}>
          {t("frame.keys")}
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon={<LogOut size={18} aria-hidden />} onAction={signOut.ask}>
          {t("frame.sign_out")}
        </MenuItem>
      </Menu>
      {signOut.question}
    </>
  );
}
