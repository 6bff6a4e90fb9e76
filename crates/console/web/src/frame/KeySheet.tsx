import { useT } from "../i18n/i18n";
import { Dialog } from "../ui/Dialog";
import { KEYS, keyNames, type KeyAction, type KeyScope } from "../ui/keys";
import styles from "./KeySheet.module.css";

const SCOPES: readonly KeyScope[] = ["everywhere", "list", "composer"];
// The cast is safe, because the table is constant.
const ACTIONS = Object.keys(KEYS) as KeyAction[];

/** The dialog with all keys, from the table that the handlers use. */
export default function KeySheet({ onClose }: { onClose: () => void }) {
  const t = useT();
  return (
    <Dialog title={t("keys.title")} isOpen onClose={onClose}>
      {SCOPES.map((scope) => (
        <section key={scope} className={styles["group"]}>
          <h3 className={styles["heading"]}>{t(`keys.scope.${scope}`)}</h3>
          <dl>
            {ACTIONS.filter((action) => KEYS[action].scope === scope).map((action) => (
              <div key={action} className={styles["line"]}>
                <dt>{t(KEYS[action].label)}</dt>
                <dd className={styles["combos"]}>
                  {keyNames(action).map((name, at) => (
                    <span key={name}>
                      {at > 0 && `${t("keys.or")} `}
                      <kbd dir="ltr">{name}</kbd>
                    </span>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
