import { useT } from "../i18n/i18n";
import { useNewVersion } from "../live/version";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { loadNewVersion } from "../update";

/**
 * The strip that offers to load a new version of the console. Without a click the page reloads when the tab is hidden
 * or idle.
 */
export function NewVersionStrip() {
  const t = useT();
  if (!useNewVersion()) return null;
  return (
    <Strip
      tone="calm"
      role="status"
      actions={
        <Button small onPress={loadNewVersion}>
          {t("frame.load_now")}
        </Button>
      }
    >
      {t("frame.new_version")}
    </Strip>
  );
}
