import { useState } from "react";

import { useT } from "../i18n/i18n";
import { preferencesOf } from "../store/preferences";
import { useStore } from "../store/store";
import { Switch } from "../ui/Switch";
import styles from "./MeScreen.module.css";
import { useChangeSetting } from "./useSetting";

/** The switch for notifications; the only place that asks for the browser's permission. */
export function Notifications() {
  const t = useT();
  const { notifications } = preferencesOf(useStore((state) => state.settings));
  const change = useChangeSetting();
  const [permission, setPermission] = useState(currentPermission);
  const isOn = notifications && permission === "granted";

  async function toggle(wanted: boolean) {
    const answer = wanted && permission === "default" ? await Notification.requestPermission() : permission;
    setPermission(answer);
    if (!wanted || answer === "granted") change("notifications", wanted);
  }

  return (
    <>
      <Switch
        isSelected={isOn}
        isDisabled={permission === "denied" || permission === "missing"}
        onChange={(wanted) => void toggle(wanted)}
      >
        {t("me.notifications")}
      </Switch>
      {permission === "denied" && <p className={styles["hint"]}>{t("me.notifications_denied")}</p>}
      {permission === "missing" && <p className={styles["hint"]}>{t("me.notifications_missing")}</p>}
      {permission === "default" && <p className={styles["hint"]}>{t("me.notifications_ask")}</p>}
    </>
  );
}

/** Returns the browser's permission; `missing` without HTTPS, and on iPhones before "Add to Home Screen". */
function currentPermission(): NotificationPermission | "missing" {
  return typeof Notification === "undefined" || !globalThis.isSecureContext ? "missing" : Notification.permission;
}
