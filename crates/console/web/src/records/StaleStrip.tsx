import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { Framed } from "./Framed";

/** The strip above a form whose record a colleague has changed, with a button to show the change. */
export function StaleStrip({ onShow }: { onShow: () => void }) {
  const t = useT();
  return (
    <Framed>
      <Strip
        tone="warning"
        role="status"
        actions={
          <Button small onPress={onShow}>
            {t("records.show_change")}
          </Button>
        }
      >
        {t("records.changed")}
      </Strip>
    </Framed>
  );
}
