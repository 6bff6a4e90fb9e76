import { useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";

import { syncTemplates } from "../api/hotel-calls";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/** Reads the templates that Meta has approved. */
export function SyncButton() {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const [isPending, setPending] = useState(false);

  async function run() {
    setPending(true);
    try {
      const counts = await syncTemplates();
      showToast({ text: t("templates.synced", counts) });
      void queries.invalidateQueries({ queryKey: ["templates"] });
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    } finally {
      setPending(false);
    }
  }

  return (
    <Button isPending={isPending} isDisabled={isOffline} onPress={() => void run()}>
      <Download size={16} aria-hidden />
      {t("templates.sync")}
    </Button>
  );
}
