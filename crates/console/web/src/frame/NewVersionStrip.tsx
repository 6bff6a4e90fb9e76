import { useT } from "../i18n/i18n";
import { useNewVersion } from "../live/version";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { loadNewVersion } from "../update";

/** The server is of a newer version: the page is loaded anew when it suits the person, at the latest when hidden. */
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
